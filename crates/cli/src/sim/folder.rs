//! The folder of `--out`: there with all its files, or not there at all.
//!
//! Before the simulation it is only tried whether there will be a place: who is killed while it
//! runs leaves nothing behind.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A folder beside the one that is wanted. It takes its name once all files are in it, and goes
/// away if that never comes.
#[derive(Debug)]
pub(super) struct Folder {
    wanted: PathBuf,
    unfinished: PathBuf,
}

impl Folder {
    /// Before anything is simulated: whether there will be a place for the files.
    ///
    /// # Errors
    /// Says what is in the way, in one line.
    pub(super) fn claim(wanted: &Path) -> Result<Self, String> {
        let shown = wanted.display();
        let Some(name) = wanted.file_name() else {
            return Err(format!("--out {shown}: name a new folder"));
        };
        match fs::symlink_metadata(wanted) {
            Ok(there) if !there.is_dir() => {
                return Err(format!("--out {shown}: is there already, and is no folder"));
            }
            Ok(_) if !is_empty(wanted) => {
                return Err(format!(
                    "--out {shown}: is there already; name another folder, or remove it"
                ));
            }
            Ok(_) | Err(_) => {}
        }
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}", std::process::id()));
        let unfinished = wanted.with_file_name(hidden);
        fs::create_dir(&unfinished)
            .and_then(|()| fs::remove_dir(&unfinished))
            .map_err(|error| format!("--out {shown}: cannot make a folder there: {error}"))?;
        Ok(Self { wanted: wanted.to_owned(), unfinished })
    }

    /// Writes all files, and then gives the folder its name.
    ///
    /// # Errors
    /// Says what went wrong, in one line. Nothing stays behind.
    pub(super) fn fill(self, files: &[(&str, Vec<u8>)]) -> Result<(), String> {
        fs::create_dir(&self.unfinished).map_err(|error| {
            format!("--out {}: cannot make a folder there: {error}", self.wanted.display())
        })?;
        for (name, contents) in files {
            self.write(name, contents).map_err(|error| {
                format!("--out {}: cannot write {name}: {error}", self.wanted.display())
            })?;
        }
        fs::rename(&self.unfinished, &self.wanted).map_err(|error| {
            format!("--out {}: cannot finish the folder: {error}", self.wanted.display())
        })
    }

    fn write(&self, name: &str, contents: &[u8]) -> io::Result<()> {
        let mut file = fs::File::create(self.unfinished.join(name))?;
        file.write_all(contents)?;
        // A full disk may say so only now.
        file.sync_all()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Once it has its name there is nothing to remove.
        drop(fs::remove_dir_all(&self.unfinished));
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_there_with_all_its_files() {
        let place = tempfile::tempdir().unwrap();
        let wanted = place.path().join("out");

        Folder::claim(&wanted).unwrap().fill(&[("one", b"1".to_vec())]).unwrap();

        assert_eq!(fs::read(wanted.join("one")).unwrap(), b"1");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn or_it_is_not_there_at_all() {
        let place = tempfile::tempdir().unwrap();
        let wanted = place.path().join("out");
        let folder = Folder::claim(&wanted).unwrap();

        let files = [("one", b"1".to_vec()), ("not/there", b"2".to_vec())];
        let refused = folder.fill(&files).unwrap_err();

        assert!(refused.contains("cannot write not/there"), "{refused}");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_place_that_is_claimed_and_not_filled_shows_nothing() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::claim(&place.path().join("out")).unwrap();

        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        drop(folder);
    }

    #[test]
    fn what_is_there_already_stays_as_it_is() {
        let place = tempfile::tempdir().unwrap();
        let (file, folder) = (place.path().join("file"), place.path().join("folder"));
        fs::write(&file, b"mine").unwrap();
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("mine"), b"mine").unwrap();

        assert!(Folder::claim(&file).unwrap_err().contains("is no folder"));
        assert!(Folder::claim(&folder).unwrap_err().contains("is there already"));
        assert!(Folder::claim(&place.path().join("no/where")).unwrap_err().contains("cannot make"));
        assert_eq!(fs::read(folder.join("mine")).unwrap(), b"mine");
    }
}
