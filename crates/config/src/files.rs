//! Files beside the design: measured service times, recorded arrivals.

use std::io::Read;
use std::path::{Path, PathBuf};

/// Reads files that a design names. Names are relative to the design file.
pub trait Files {
    /// The whole text of a file.
    ///
    /// # Errors
    /// In words, why it cannot be read. The operator is at fault.
    fn read(&self, name: &str) -> Result<String, String>;
}

/// Real files, in the folder of the design file.
#[derive(Clone, Debug)]
pub struct Beside {
    folder: PathBuf,
}

/// No files at all.
#[derive(Clone, Copy, Debug)]
pub struct NoFiles;

/// The largest file that is read.
const LARGEST: u64 = 16 << 20;

impl Beside {
    /// Beside this design file.
    pub fn new(design: &Path) -> Self {
        Self { folder: design.parent().map(Path::to_owned).unwrap_or_default() }
    }
}

impl Files for Beside {
    fn read(&self, name: &str) -> Result<String, String> {
        let path = self.folder.join(name);
        let say = |error: std::io::Error| format!("{}: {error}", path.display());
        // A pipe or a device would never end.
        if !std::fs::metadata(&path).map_err(say)?.is_file() {
            return Err(format!("{} is not a file", path.display()));
        }
        let file = std::fs::File::open(&path).map_err(say)?;
        let mut text = String::new();
        file.take(LARGEST + 1).read_to_string(&mut text).map_err(say)?;
        if text.len() as u64 > LARGEST {
            return Err(format!("{} has more than {}", path.display(), base::Bytes(LARGEST)));
        }
        Ok(text)
    }
}

impl Files for NoFiles {
    fn read(&self, name: &str) -> Result<String, String> {
        Err(format!("{name}: there are no files here"))
    }
}
