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
pub(crate) const API_SECRET: &str = "API_SECRET";
pub(crate) const OPERATOR_PASSWORD: &str = "LARDER_OPERATOR_PASSWORD";
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
        let kept = kept(&path, &[API_SECRET.to_owned(), OPERATOR_PASSWORD.to_owned()])?;
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

/// The secrets of these names in that file. Those that are missing are made and kept there too; what is in the file stays as it is.
///
/// # Errors
/// When the file cannot be read or written, or others can read it.
pub(crate) fn kept(path: &Path, names: &[String]) -> Result<BTreeMap<String, String>> {
    let there = path.exists();
    let mut kept = if there { read(path)? } else { BTreeMap::new() };
    let missing = names.iter().filter(|name| !kept.contains_key(*name));
    let missing: BTreeMap<_, _> = missing.map(|name| (name.clone(), random())).collect();
    if !missing.is_empty() {
        let failed = || format!("writing {}", path.display());
        let text = if there {
            format!("{}\n{}", fs::read_to_string(path).with_context(failed)?.trim_end(), lines(&missing))
        } else {
            render(&missing)
        };
        write_private(path, text.as_bytes()).with_context(failed)?;
        kept.extend(missing);
    }
    Ok(kept)
}

/// 192 bits as text that needs no quoting anywhere.
fn random() -> String {
    let bytes: [u8; 24] = rand::random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn render(kept: &BTreeMap<String, String>) -> String {
    format!(
        "# The secrets of this shop, made on its first start. Keep them to yourself; change one and start again.\n{}",
        lines(kept)
    )
}

fn lines(kept: &BTreeMap<String, String>) -> String {
    kept.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
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
    fn what_a_person_wrote_stays_and_what_is_missing_is_added_for_good() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.env");
        write_private(&path, b"# mine\nA=chosen by hand").unwrap();
        let names = ["A", "B"].map(str::to_owned);
        let first = kept(&path, &names).unwrap();
        assert_eq!(first["A"], "chosen by hand");
        assert_eq!(kept(&path, &names).unwrap(), first, "what was made is the same the next time");
        assert!(fs::read_to_string(&path).unwrap().starts_with("# mine\nA=chosen by hand\nB="));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
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
