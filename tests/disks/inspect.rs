//! `inspect` on our images, on images made by QEMU, and on damaged ones.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::appliance::{disk, disk_with, record};
use crate::common::artifact;
use proptest::prelude::{any, prop};
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use slipway::disk::{Data, Disk};
use slipway::error::Kind;
use slipway::inspect::{Image, Report, copy_file, inspect};
use slipway::manifest::ImageRecord;
use slipway::profile::Format;
use slipway::tree::Content;
use slipway::units::{ByteSize, Digest};

fn qemu_img(args: &[&str]) {
    let output = Command::new("qemu-img").args(args).output();
    let output = output.unwrap_or_else(|e| panic!("qemu-img does not start: {e}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "qemu-img {args:?}: {errors}");
}

fn written(format: Format, folder: &Path) -> PathBuf {
    artifact::write(format, &disk(), folder)
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What a report says about the disk, whatever file it is in.
fn content(report: Report) -> Report {
    Report { format: Format::Raw, file: ByteSize(0), ..report }
}

#[test]
fn a_record_of_format_1_is_read_and_its_secrets_are_digests_from_then_on() {
    let text = include_str!("../records/format-1.json");
    let record: ImageRecord = serde_json::from_str(text).unwrap();
    let profile = &record.profile;
    assert_eq!((profile.customer.id.as_str(), profile.hostname()), ("acme", "erp.acme.example"));
    assert_eq!((profile.hardware.vcpus, profile.product()), (4, "Acme ERP"));
    let keys = ["profile::app::mail", "profile::app::password", "profile::app::workers"];
    assert_eq!(profile.hiera.keys, keys);
    assert_eq!(profile.files[0].sha256, Some(Digest::of("token-4711\n")));
    assert_eq!(profile.probes.len(), 3, "the smoke test asks them");
    let written = serde_json::to_string(&record).unwrap();
    assert!(text.contains("4711") && !written.contains("4711"), "{written}");
    let again: ImageRecord = serde_json::from_str(&written).unwrap();
    assert_eq!(
        (again.profile.hiera, again.profile.files),
        (profile.hiera.clone(), profile.files.clone())
    );
}

#[test]
fn a_record_of_a_later_program_with_more_in_it_is_read() {
    let mut value: serde_json::Value =
        serde_json::from_str(include_str!("../records/format-1.json")).unwrap();
    for place in [
        "",
        "/profile",
        "/profile/customer",
        "/profile/network",
        "/profile/hardware",
        "/profile/files/0",
        "/profile/access",
        "/profile/branding",
        "/profile/master",
        "/base",
        "/bundle",
        "/packages/0",
    ] {
        value.pointer_mut(place).unwrap()["of_tomorrow"] = serde_json::json!({ "a": [1] });
    }
    value["profile"]["formats"] = serde_json::json!(["a-format-of-tomorrow"]);
    value["profile"].as_object_mut().unwrap().remove("system");
    let record: ImageRecord = serde_json::from_value(value).unwrap();
    assert_eq!(record.profile.hostname(), "acme");
}

#[test]
fn an_image_says_what_went_into_it_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let raw = inspect(&written(Format::Raw, folder.path())).unwrap();
    assert_eq!(raw.record, Some(record()));
    assert_eq!(raw.root.system.as_deref(), Some("Debian GNU/Linux 12 (bookworm)"));
    assert_eq!(raw.root.kernels, ["vmlinuz-6.1.0-1-amd64"]);
    assert_eq!(raw.root.boots.as_deref(), Some("boot/vmlinuz-6.1.0-1-amd64"));
    assert!(raw.table.both_copies && raw.boot.bios);
    let names: Vec<&str> = raw.table.partitions.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["bios-boot", "esp", "root"]);
    let efi: Vec<&str> = raw.boot.efi.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(efi, ["EFI/BOOT/BOOTX64.EFI", "EFI/slipway/grub.cfg"]);
    assert_eq!(raw.boot.efi[0].signers, Some(vec![]));
    let qcow2 = inspect(&written(Format::Qcow2, folder.path())).unwrap();
    assert_eq!(qcow2.format, Format::Qcow2);
    assert_eq!(content(qcow2), content(raw));
}

#[test]
fn images_that_qemu_wrote_are_read_too() {
    let folder = tempfile::tempdir().unwrap();
    let raw = written(Format::Raw, folder.path());
    let expected = content(inspect(&raw).unwrap());
    let variants: [&[&str]; 7] = [
        &[],
        &["-c"],
        &["-c", "-o", "compression_type=zstd"],
        &["-o", "compat=0.10"],
        &["-o", "cluster_size=512"],
        &["-c", "-o", "cluster_size=2M"],
        &["-c", "-o", "cluster_size=4k,compression_type=zstd"],
    ];
    for variant in variants {
        let copy = folder.path().join("copy.qcow2");
        let mut args = vec!["convert", "-f", "raw", "-O", "qcow2"];
        args.extend(variant);
        args.extend([shown(&raw), shown(&copy)]);
        qemu_img(&args);
        assert_eq!(content(inspect(&copy).unwrap()), expected, "{variant:?}");
    }
}

#[test]
fn an_image_that_needs_another_file_or_a_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let raw = written(Format::Raw, folder.path());
    let data = format!("data_file={}", shown(&folder.path().join("data")));
    let variants: [(&[&str], &str); 3] = [
        (&["-F", "raw", "-b", shown(&raw)], "backing file"),
        (&["-o", &data], "another file"),
        (&["-o", "extended_l2=on"], "extended"),
    ];
    for (variant, reason) in variants {
        let image = folder.path().join("new.qcow2");
        let mut args = vec!["create", "-q", "-f", "qcow2"];
        args.extend(variant);
        args.extend([shown(&image), "256M"]);
        qemu_img(&args);
        let error = inspect(&image).unwrap_err();
        assert_eq!(error.kind(), Kind::Refused, "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    // made by hand: for an encrypted image, qemu-img measures the processor, and gives up on a busy
    // machine
    let encrypted = written(Format::Qcow2, folder.path());
    let file = File::options().write(true).open(&encrypted).unwrap();
    file.write_all_at(&2u32.to_be_bytes(), 32).unwrap();
    let error = inspect(&encrypted).unwrap_err();
    assert_eq!(error.kind(), Kind::Refused, "{error}");
    assert!(error.to_string().contains("encrypted"), "{error}");
}

/// A VMDK's header, followed by its description, without any disk.
fn vmdk(capacity: u64, description: &str) -> Vec<u8> {
    let mut bytes = vec![0; 65536];
    bytes[..4].copy_from_slice(b"KDMV");
    bytes[4..8].copy_from_slice(&1u32.to_le_bytes());
    let numbers = [(12, capacity), (20, 128), (28, 1), (36, 20), (56, 32)];
    for (at, number) in numbers {
        bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
    }
    bytes[44..48].copy_from_slice(&512u32.to_le_bytes());
    bytes[512..][..description.len()].copy_from_slice(description.as_bytes());
    bytes
}

#[test]
fn a_vmdk_that_leads_to_another_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evil.vmdk");
    let read = |capacity: u64, lines: &str| {
        let description = format!("# Disk DescriptorFile\nversion=1\nCID=1\n{lines}\n");
        std::fs::write(&path, vmdk(capacity, &description)).unwrap();
        Image::open(&path).map(|image| image.size())
    };
    let own = "parentCID=ffffffff\nRW 2048 SPARSE \"a.vmdk\"";
    assert_eq!(read(2048, own).unwrap(), 1 << 20);
    let evil = [
        // QEMU treats a header without a capacity as a description
        (0, "RW 8 FLAT \"/etc/passwd\" 0"),
        (0, own),
        (2048, "parentCID=ffffffff\nRW 2048 FLAT \"/etc/passwd\" 0"),
        (2048, "parentCID=ffffffff\nRW 2048 SPARSE \"/etc/passwd\""),
        (2048, "parentCID=ffffffff\nRW 2048 SPARSE \"..\\\\passwd\""),
        (2048, "RW 1024 SPARSE \"a.vmdk\"\nRW 1024 SPARSE \"b.vmdk\""),
        (2048, "rdonly 1024 sparse \"a.vmdk\"\nnoaccess 1024 ZERO"),
        (2048, "RW 4096 SPARSE \"a.vmdk\""),
        (2048, "parentCID=ffffffff"),
        (2048, &format!("parentFileNameHint=\"/etc/passwd\"\n{own}")),
        (2048, &format!("parentfilenamehint = \"b.vmdk\"\n{own}")),
        (2048, "parentCID=00000001\nRW 2048 SPARSE \"a.vmdk\""),
    ];
    for (capacity, lines) in evil {
        let error = read(capacity, lines).unwrap_err();
        assert!(matches!(error.kind(), Kind::Refused | Kind::Damaged), "{lines}: {error}");
    }
}

#[test]
fn a_part_of_a_split_vmdk_is_not_taken_for_a_disk() {
    let folder = tempfile::tempdir().unwrap();
    let raw = folder.path().join("d.raw");
    File::create(&raw).unwrap().set_len(5 << 30).unwrap();
    let whole = folder.path().join("d.vmdk");
    let subformat = "subformat=twoGbMaxExtentSparse";
    qemu_img(&["convert", "-O", "vmdk", "-o", subformat, shown(&raw), shown(&whole)]);
    for name in ["d.vmdk", "d-s001.vmdk", "d-s002.vmdk", "d-s003.vmdk"] {
        let error = Image::open(&folder.path().join(name)).unwrap_err();
        assert_eq!(error.kind(), Kind::Refused, "{name}: {error}");
    }
}

#[test]
fn a_file_of_the_image_is_given_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let image = written(Format::Qcow2, folder.path());
    let mut out = Vec::new();
    assert_eq!(copy_file(&image, "/vmlinuz", &mut out).unwrap(), 10_000);
    assert_eq!(out, vec![0x44; 10_000]);
    let missing = copy_file(&image, "/etc/no", &mut out).unwrap_err();
    assert_eq!(missing.kind(), Kind::NotFound);
    assert!(missing.to_string().contains("/etc/no"), "{missing}");
    assert_eq!(copy_file(&image, "etc", &mut out).unwrap_err().kind(), Kind::Input);
    assert!(copy_file(&image, "/etc", &mut out).is_err());
}

#[test]
fn what_is_not_an_image_is_named_as_that() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    for bytes in [&b""[..], b"hello", b"QFI\xFB", &[0; 100_000]] {
        std::fs::write(&path, bytes).unwrap();
        let error = inspect(&path).unwrap_err();
        assert_eq!(error.kind(), Kind::Damaged, "{error}");
        assert_eq!(error.path(), Some(path.as_path()));
    }
    assert_eq!(inspect(folder.path()).unwrap_err().kind(), Kind::Input);
    assert_eq!(inspect(&folder.path().join("no")).unwrap_err().kind(), Kind::NotFound);
}

#[test]
fn the_program_prints_for_people_and_for_machines() {
    let folder = tempfile::tempdir().unwrap();
    let image = written(Format::Qcow2, folder.path());
    let run = |args: &[&str]| {
        let mut command = assert_cmd::Command::cargo_bin("slipway").unwrap();
        let output = command.arg("inspect").arg(&image).args(args).assert().success();
        String::from_utf8(output.get_output().stdout.clone()).unwrap()
    };
    let text = run(&[]);
    for part in ["Acme \u{FFFD}[31m GmbH (acme)", "demo-1.0.0+b1", "1 (--json names them)"] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    let json: serde_json::Value = serde_json::from_str(&run(&["--json"])).unwrap();
    assert_eq!(json["record"], serde_json::to_value(record()).unwrap());
    assert_eq!(run(&["--file", "/etc/hostname"]), "acme\n");
}

#[test]
fn what_is_in_another_container_is_named_and_never_taken_for_a_raw_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let raw = path("d.raw");
    File::create(&raw).unwrap().set_len(4 << 20).unwrap();
    File::options().write(true).open(&raw).unwrap().write_all_at(b"x", 1_000_000).unwrap();
    for format in ["qed", "parallels", "vdi", "qcow2"] {
        qemu_img(&["convert", "-f", "raw", "-O", format, shown(&raw), shown(&path(format))]);
    }
    let pack = |program: &str, args: &[&str], to: &str| {
        let out = File::create(path(to)).unwrap();
        let mut command = Command::new(program);
        let done = command.current_dir(folder.path()).args(args).stdout(out).status().unwrap();
        assert!(done.success(), "{program}");
    };
    pack("bzip2", &["-kc", "d.raw"], "d.bz2");
    pack("gzip", &["-kc", "d.raw"], "d.raw.gz");
    pack("gzip", &["-kc", "qcow2"], "d.qcow2.gz");
    pack("tar", &["-czf", "-", "qcow2"], "d.tgz");
    pack("zstd", &["-qc", "qcow2"], "d.qcow2.zst");
    std::fs::write(path("luks"), [&b"LUKS\xBA\xBE\0\x02"[..], &[0; 4096]].concat()).unwrap();
    std::fs::write(path("koly"), [&[0; 4096][..], b"koly", &[0; 508]].concat()).unwrap();
    std::fs::write(path("text"), "# disk descriptorfile\r\nversion=1\r\n").unwrap();
    let cases = [
        ("qed", "QED"),
        ("parallels", "Parallels"),
        ("vdi", "VDI"),
        ("d.bz2", "compressed with bzip2"),
        ("d.raw.gz", "compressed with gzip"),
        ("d.qcow2.gz", "compressed with gzip"),
        ("d.tgz", "a qcow2"),
        ("d.qcow2.zst", "a qcow2"),
        ("luks", "LUKS"),
        ("koly", "macOS"),
        ("text", "describes disks in other files"),
    ];
    for (name, what) in cases {
        let error = Image::open(&path(name)).unwrap_err();
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let text = format!("{error} {}", cause.unwrap_or_default());
        assert!(text.contains(what), "{name}: {text}");
        assert_eq!(error.kind(), Kind::Refused, "{name}: {text}");
        assert!(error.find_remedy().is_some(), "{name}: {text}");
    }
}

/// Compresses these bytes followed by `megabytes` megabytes of one letter.
fn bomb(start: &[u8], megabytes: usize, path: &Path) {
    let mut zstd = zstd::Encoder::new(File::create(path).unwrap(), 1).unwrap();
    zstd.write_all(start).unwrap();
    (0..megabytes).for_each(|_| zstd.write_all(&[b'y'; 1 << 20]).unwrap());
    zstd.finish().unwrap();
}

#[test]
fn a_small_file_does_not_fill_the_temporary_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.zst");
    let mut boot_sector = [0; 512];
    boot_sector[510..].copy_from_slice(&[0x55, 0xAA]);
    for (start, megabytes, why) in
        [(&[][..], 20, "neither a partition table"), (&boot_sector, 300, "far more than a disk")]
    {
        bomb(start, megabytes, &path);
        let error = Image::open(&path).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(error.kind() == Kind::Refused && cause.contains(why), "{cause}");
    }
    bomb(&boot_sector, 100, &path);
    assert_eq!(Image::open(&path).unwrap().size(), 512 + (100 << 20));
}

#[test]
fn a_folder_of_the_efi_partition_that_contains_itself_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(Format::Raw, folder.path());
    let esp = inspect(&path).unwrap().table.partitions[1].offset;
    let file = File::options().read(true).write(true).open(&path).unwrap();
    let mut boot = [0; 512];
    file.read_exact_at(&mut boot, esp).unwrap();
    let u32_at = |at: usize| u64::from(u32::from_le_bytes(boot[at..at + 4].try_into().unwrap()));
    let u16_at = |at: usize| u64::from(u16::from_le_bytes(boot[at..at + 2].try_into().unwrap()));
    let cluster = u64::from(boot[13]) * 512;
    let data = esp + (u16_at(14) + u64::from(boot[16]) * u32_at(36)) * 512;
    let root = data + (u32_at(44) - 2) * cluster;
    let mut entries = vec![0; cluster as usize];
    file.read_exact_at(&mut entries, root).unwrap();
    let at = entries.chunks(32).position(|entry| entry.starts_with(b"EFI     ")).unwrap();
    let efi: [u8; 32] = entries[at * 32..][..32].try_into().unwrap();
    // the root contains as many names for itself as fit
    let number = (u32_at(44) as u32).to_le_bytes();
    for (i, entry) in entries.chunks_mut(32).enumerate() {
        entry.copy_from_slice(&efi);
        entry[..8].copy_from_slice(format!("D{i:07}").as_bytes());
        (entry[20], entry[21], entry[26], entry[27]) = (number[2], number[3], number[0], number[1]);
    }
    file.write_all_at(&entries, root).unwrap();
    let error = inspect(&path).unwrap_err();
    assert_eq!(error.kind(), Kind::Damaged, "{error}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("contain themselves"), "{cause}");
}

/// A disk with a root partition made by mke2fs with these arguments.
fn with_root(folder: &Path, arguments: &[&str]) -> PathBuf {
    let (root, disk) = (folder.join("root"), folder.join("disk.raw"));
    std::fs::create_dir_all(root.join("etc")).unwrap();
    std::fs::write(root.join("etc/os-release"), "PRETTY_NAME=\"T\"\n").unwrap();
    File::create(&disk).unwrap().set_len(96 << 20).unwrap();
    let tool = |name: &str| {
        let mut command = Command::new(name);
        command.env("PATH", format!("/usr/sbin:/sbin:{}", std::env::var("PATH").unwrap()));
        command
    };
    crate::common::foreign::run(tool("sgdisk").args(["-n1:10240:+81M", "-t1:8304"]).arg(&disk));
    let mut make = tool("mke2fs");
    make.args(["-q", "-t", "ext4", "-E", "offset=5242880", "-d"]).arg(&root).args(arguments);
    crate::common::foreign::run(make.arg(&disk).arg("81M"));
    disk
}

#[test]
fn a_root_filesystem_with_the_smallest_inodes_is_read() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["-I", "128"][..], &["-I", "128", "-O", "^metadata_csum"], &["-I", "256"]] {
        let disk = with_root(folder.path(), arguments);
        let mut out = Vec::new();
        copy_file(&disk, "/etc/os-release", &mut out).unwrap();
        assert_eq!(out, b"PRETTY_NAME=\"T\"\n", "{arguments:?}");
    }
}

#[test]
fn a_root_filesystem_that_is_not_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |disk: &Path, what: &str| {
        let error = copy_file(disk, "/etc/os-release", &mut Vec::new()).unwrap_err();
        assert!(error.kind() == Kind::Refused && error.to_string().contains(what), "{error}");
    };
    for (features, what) in [
        ("inline_data", "inline_data"),
        ("mmp", "mmp"),
        ("meta_bg,^resize_inode", "meta_bg"),
        ("large_dir", "large_dir"),
        ("ea_inode", "ea_inode"),
        ("casefold", "casefold"),
    ] {
        refused(&with_root(folder.path(), &["-O", features]), what);
    }
    let disk = with_root(folder.path(), &[]);
    let file = File::options().write(true).open(&disk).unwrap();
    file.write_all_at(&[0; 2048], 5 << 20).unwrap();
    for (at, magic, name) in
        [(0, &b"XFSB"[..], "XFS"), (0x10040, b"_BHRfS_M", "Btrfs"), (0, b"hsqs", "SquashFS")]
    {
        file.write_all_at(magic, (5 << 20) + at).unwrap();
        refused(&disk, name);
        file.write_all_at(&[0; 8][..magic.len()], (5 << 20) + at).unwrap();
    }
}

#[test]
fn a_package_that_was_tampered_with_is_told_of_first_and_by_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let image = written(Format::Ova, folder.path());
    let run = |arguments: &[&str]| {
        let mut command = assert_cmd::Command::cargo_bin("slipway").unwrap();
        let output = command.current_dir(&folder).args(arguments).output().unwrap();
        let (out, error) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
        (output.status.code(), out.unwrap(), error.unwrap())
    };
    let name = image.file_name().unwrap().to_str().unwrap();
    let (code, sound, _) = run(&["inspect", name]);
    assert_eq!(code, Some(0), "{sound}");
    // a letter of the description, which only the manifest covers
    let file = File::options().read(true).write(true).open(&image).unwrap();
    let mut bytes = vec![0; 4096];
    file.read_exact_at(&mut bytes, 0).unwrap();
    let at = bytes.windows(8).position(|w| w == b"Envelope").unwrap();
    file.write_all_at(b"\t", (at + 8) as u64).unwrap();
    let (code, shown, _) = run(&["inspect", name]);
    assert_eq!(code, Some(3), "{shown}");
    assert!(shown.starts_with("DAMAGED") && shown.contains(".ovf is not what"), "{shown}");
    assert!(shown.ends_with(&sound), "{shown}");
    let (code, json, _) = run(&["inspect", name, "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, json["damage"].as_array().unwrap().len()), (Some(3), 1));
    let (code, text, error) = run(&["inspect", name, "--file", "/etc/hostname"]);
    assert_eq!((code, text.as_str()), (Some(3), "acme\n"));
    assert!(error.contains("not what the package's manifest says"), "{error}");
    // and no result is made from it that would look sound
    for arguments in [&["convert", name, "--to", "raw"][..], &["smoke", name]] {
        let (code, _, error) = run(arguments);
        assert!(code == Some(1) && error.contains("the package was changed"), "{error}");
    }
}

/// The places that a reader looks at, as bytes of the raw image.
fn read_places(disk: &Disk) -> Vec<(u64, u64)> {
    let known = |data: &Data| matches!(data, Data::Content(Content::Bytes(_)));
    let extents = disk.extents().iter().filter(|e| known(&e.data));
    // a part's structure is at its beginning
    extents.map(|e| (e.offset, e.data.length().min(4096))).collect()
}

/// Overwrites some bytes, inspects the image, and puts the bytes back. Any answer but a panic will
/// do.
fn survives(path: &Path, damages: &[(u64, u8)]) {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut before = vec![0; damages.len()];
    for (i, (offset, byte)) in damages.iter().enumerate() {
        file.read_exact_at(&mut before[i..=i], *offset).unwrap();
        file.write_all_at(&[*byte], *offset).unwrap();
    }
    if let Err(error) = inspect(path) {
        assert!(error.path().is_some(), "{error}");
    }
    for ((offset, _), byte) in damages.iter().zip(&before).rev() {
        file.write_all_at(&[*byte], *offset).unwrap();
    }
}

/// Runs `check` with many lists of numbers, from which it derives the damage.
fn with_damages(check: impl Fn(&[(Index, u64, u8)])) {
    let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
    let damages = prop::collection::vec((any::<Index>(), any::<u64>(), any::<u8>()), 1..6);
    let run = |damages: Vec<_>| {
        check(&damages);
        Ok(())
    };
    TestRunner::new(config).run(&damages, run).unwrap();
}

#[test]
fn a_damaged_raw_image_gives_an_error_or_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let image = written(Format::Raw, folder.path());
    let places = read_places(&disk());
    with_damages(|damages| {
        let place = |(index, within, byte): &(Index, u64, u8)| {
            let (offset, length) = places[index.index(places.len())];
            (offset + within % length, *byte)
        };
        survives(&image, &damages.iter().map(place).collect::<Vec<_>>());
    });
}

#[test]
fn a_damaged_qcow2_image_gives_an_error_or_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let image = written(Format::Qcow2, folder.path());
    let length = std::fs::metadata(&image).unwrap().len() as usize;
    with_damages(|damages| {
        // half of them in the header
        let place = |(index, half, byte): &(Index, u64, u8)| {
            (index.index(if half % 2 == 0 { 112 } else { length }) as u64, *byte)
        };
        survives(&image, &damages.iter().map(place).collect::<Vec<_>>());
    });
}

#[test]
fn a_folder_with_more_names_than_any_block_holds_is_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..5000).map(|n| format!("/boot/vmlinuz-9.{n}")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "kernel")).collect();
    let disk = disk_with(256 * slipway::units::MIB, &files);
    let path = artifact::write(Format::Raw, &disk, folder.path());
    // and the one that every such appliance has
    assert_eq!(inspect(&path).unwrap().root.kernels.len(), 5001);
}
