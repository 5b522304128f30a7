//! Looks into a machine's disk after it ran, by programs that slipway did not write: qemu-img,
//! sgdisk, debugfs, e2fsck.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The EFI partition's slot.
const ESP: u32 = 2;
/// The root partition's slot.
const ROOT: u32 = 3;

/// The unit of the partition table, in bytes.
const SECTOR: u64 = 512;

/// A disk as a sparse raw file, and where its root filesystem is.
pub struct GuestDisk {
    folder: tempfile::TempDir,
    root_offset: u64,
    size: u64,
}

impl GuestDisk {
    /// Takes apart the disk that `slipway smoke --keep-disk` left.
    pub fn open(qcow2: &Path) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let raw = folder.path().join("disk.raw");
        let mut convert = Command::new("qemu-img");
        must(convert.args(["convert", "-O", "raw"]).arg(qcow2).arg(&raw));
        let root = must(Command::new("sgdisk").arg(format!("--info={ROOT}")).arg(&raw));
        let root = String::from_utf8_lossy(&root.stdout).into_owned();
        let first = root.lines().find_map(|line| line.strip_prefix("First sector: ")).unwrap();
        let sector: u64 = first.split_whitespace().next().unwrap().parse().unwrap();
        let root_offset = sector * SECTOR;
        let size = raw.metadata().unwrap().len();
        Self { folder, root_offset, size }
    }

    /// The size of the disk in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The whole disk.
    pub fn raw(&self) -> PathBuf {
        self.folder.path().join("disk.raw")
    }

    /// e2fsprogs' name for a filesystem inside a larger file.
    fn root(&self) -> String {
        format!("{}?offset={}", self.raw().display(), self.root_offset)
    }

    /// Where the root filesystem begins, in bytes.
    pub fn root_offset(&self) -> u64 {
        self.root_offset
    }

    /// What debugfs prints for these requests, one per line.
    pub fn debugfs(&self, requests: &str) -> String {
        let file = self.folder.path().join("requests");
        std::fs::write(&file, requests).unwrap();
        let mut command = Command::new("debugfs");
        command.env("DEBUGFS_PAGER", "__none__").env("TZ", "UTC");
        let output = must(command.arg("-f").arg(&file).arg(self.root()));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Removes a file or a link from the root filesystem.
    pub fn remove(&self, path: &str) {
        let request = format!("rm {path}");
        must(Command::new("debugfs").args(["-w", "-R", &request, &self.root()]));
        let output =
            must(Command::new("debugfs").args(["-R", &format!("stat {path}"), &self.root()]));
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(complaint.contains("File not found"), "{path} is still there: {complaint}");
    }

    /// The EFI partition, in a separate file.
    pub fn esp(&self) -> PathBuf {
        let first = |text: &str, field: &str| -> u64 {
            let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        let info = must(Command::new("sgdisk").arg(format!("--info={ESP}")).arg(self.raw()));
        let info = String::from_utf8_lossy(&info.stdout).into_owned();
        let (start, sectors) = (first(&info, "First sector: "), first(&info, "Partition size: "));
        let mut bytes = vec![0; (sectors * SECTOR) as usize];
        let disk = std::fs::File::open(self.raw()).unwrap();
        disk.read_exact_at(&mut bytes, start * SECTOR).unwrap();
        let path = self.folder.path().join("esp");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The content of a file of the root filesystem.
    pub fn read(&self, path: &str) -> Vec<u8> {
        let output =
            must(Command::new("debugfs").args(["-R", &format!("cat {path}"), &self.root()]));
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(!complaint.contains("File not found"), "{path}: {complaint}");
        output.stdout
    }

    /// The size of the root filesystem in bytes.
    pub fn root_size(&self) -> u64 {
        // not dumpe2fs: that of e2fsprogs 1.47.2 does not accept a filesystem inside a larger file
        let text = self.debugfs("stats -h\n");
        let field = |name: &str| -> u64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().parse().unwrap()
        };
        field("Block count:") * field("Block size:")
    }

    /// Fails unless e2fsck finds nothing at all.
    pub fn assert_clean(&self) {
        let output = Command::new("e2fsck").args(["-fn", &self.root()]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "e2fsck: {}\n{text}", output.status);
    }
}

/// Runs a judge. If it is missing or fails, the test fails.
pub fn must(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{complaint}", output.status);
    output
}
