//! A copy of the whole file as of one moment, made while others read and write.

use std::path::{Path, PathBuf};

use tokio::sync::oneshot;

use super::{super::StoreError, failed, schema};

/// Copies the database at `from` into the new file `to`, durably. What stands at `to` is left alone, and nothing stands there before
/// the copy is whole.
pub(super) async fn copy(from: PathBuf, to: PathBuf) -> Result<(), StoreError> {
    let (reply, answer) = oneshot::channel();
    // A thread of its own: a copy takes as long as the database is large.
    std::thread::Builder::new()
        .name("store-backup".to_owned())
        .spawn(move || {
            // Whoever asked may have gone meanwhile; the copy is made all the same.
            let _ = reply.send(copy_now(&from, &to));
        })
        .map_err(failed)?;
    answer.await.map_err(|_| StoreError::Closed)?
}

fn copy_now(from: &Path, to: &Path) -> Result<(), StoreError> {
    if to.try_exists().map_err(failed)? {
        return Err(failed(format!("{} exists already; a backup overwrites nothing", to.display())));
    }
    let name = to.file_name().ok_or_else(|| failed(format!("{} is no name for a file", to.display())))?;
    let mut unfinished = name.to_owned();
    unfinished.push(format!(".{}.unfinished", uuid::Uuid::now_v7().simple()));
    let unfinished = to.with_file_name(unfinished);
    let made = fill(from, &unfinished).and_then(|()| put_in_place(&unfinished, to).map_err(failed));
    if made.is_err() {
        // It may not even have been begun.
        let _ = std::fs::remove_file(&unfinished);
    }
    made
}

/// `VACUUM INTO` reads under one snapshot, so that it neither waits for the writer nor sees half of a commit.
fn fill(from: &Path, unfinished: &Path) -> Result<(), StoreError> {
    schema::create_private(unfinished).map_err(failed)?;
    let connection = schema::connect(from)?;
    let text =
        unfinished.to_str().ok_or_else(|| failed(format!("{} is no readable path", unfinished.display())))?;
    connection.execute("VACUUM INTO ?1", [text]).map_err(failed)?;
    std::fs::File::open(unfinished).and_then(|file| file.sync_all()).map_err(failed)
}

fn put_in_place(unfinished: &Path, to: &Path) -> std::io::Result<()> {
    // A link, unlike a rename, fails where somebody has put a file meanwhile. Some file systems have no links.
    match std::fs::hard_link(unfinished, to) {
        Ok(()) => std::fs::remove_file(unfinished)?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Err(error),
        Err(_) => std::fs::rename(unfinished, to)?,
    }
    schema::sync_folder_of(to)
}
