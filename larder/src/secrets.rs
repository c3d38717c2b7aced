//! The secrets of a standalone shop: made on its first start, kept in the data folder with mode 0600, never printed.
//!
//! What the environment says goes before what is in the file, so that a deployment can bring its own.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use kit::identity::write_private;

/// The name of the file in the data folder.
const FILE: &str = "secrets.env";
const API_SECRET: &str = "API_SECRET";
const OPERATOR_PASSWORD: &str = "LARDER_OPERATOR_PASSWORD";
/// The account that a shop starts with: it can make others what they are to be.
pub const OPERATOR: &str = "operator";

/// What a shop must not tell.
pub struct Secrets {
    /// What `x-api-key` must be.
    pub api_secret: String,
    /// The password of the first admin.
    pub operator_password: String,
    /// Where they are kept.
    pub path: PathBuf,
    /// Whether they were made just now.
    pub is_new: bool,
}

impl Secrets {
    /// The secrets of this data folder, made if they are missing.
    ///
    /// # Errors
    /// When the file cannot be read or written, or others can read it, or a secret is too short to be one.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let is_new = !path.exists();
        let mut kept = if is_new { BTreeMap::new() } else { read(&path)? };
        for name in [API_SECRET, OPERATOR_PASSWORD] {
            kept.entry(name.to_owned()).or_insert_with(random);
        }
        if is_new {
            write_private(&path, render(&kept).as_bytes())
                .with_context(|| format!("writing {}", path.display()))?;
        }
        let take = |name: &str| -> Result<String> {
            let value = std::env::var(name).ok().or_else(|| kept.get(name).cloned()).unwrap_or_default();
            if value.len() < 12 {
                bail!("{name} must have at least 12 characters");
            }
            Ok(value)
        };
        Ok(Self {
            api_secret: take(API_SECRET)?,
            operator_password: take(OPERATOR_PASSWORD)?,
            path: path.clone(),
            is_new,
        })
    }
}

/// 192 bits as text that needs no quoting anywhere.
fn random() -> String {
    let bytes: [u8; 24] = rand::random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn render(kept: &BTreeMap<String, String>) -> String {
    let mut text = String::from(
        "# The secrets of this shop, made on its first start. Keep them to yourself; change one and start again.\n",
    );
    for (name, value) in kept {
        text.push_str(&format!("{name}={value}\n"));
    }
    text
}

fn read(path: &Path) -> Result<BTreeMap<String, String>> {
    refuse_exposed(path)?;
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pairs = lines.map(|line| match line.split_once('=') {
        Some((name, value)) => Ok((name.trim().to_owned(), value.trim().to_owned())),
        None => bail!("{}: a line is not NAME=value", path.display()),
    });
    pairs.collect()
}

#[cfg(unix)]
fn refuse_exposed(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode =
        fs::metadata(path).with_context(|| format!("reading {}", path.display()))?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!("{} can be read by others; make it private with `chmod 600 {0}`", path.display());
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_exposed(_path: &Path) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn makes_private_secrets_once() {
        let folder = tempfile::tempdir().unwrap();
        let first = Secrets::load(folder.path()).unwrap();
        assert!(first.is_new);
        assert_eq!(fs::metadata(&first.path).unwrap().permissions().mode() & 0o777, 0o600);
        let second = Secrets::load(folder.path()).unwrap();
        assert!(!second.is_new);
        assert_eq!(first.api_secret, second.api_secret);
        assert_ne!(first.api_secret, first.operator_password);
    }

    #[test]
    fn refuses_a_file_that_others_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = Secrets::load(folder.path()).unwrap().path;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(Secrets::load(folder.path()).is_err());
    }

    #[test]
    fn refuses_a_secret_that_is_too_short() {
        let folder = tempfile::tempdir().unwrap();
        let path = Secrets::load(folder.path()).unwrap().path;
        fs::write(&path, "API_SECRET=short\n").unwrap();
        assert!(Secrets::load(folder.path()).is_err());
    }
}
