//! `slipway lint`: every rule on an image that breaks it, and a good image that breaks none.

use std::path::Path;
use std::sync::Arc;

use crate::common::foreign::Maker;
use crate::common::{appliance, artifact};
use slipway::inspect::{Algorithm, Container, Image, Inside, Member, PackageText};
use slipway::lint::package::Package;
use slipway::lint::{Facts, Finding, Platform, Severity, Unread, facts, judge, lint};
use slipway::profile::Format;
use slipway::units::{Digest, GIB, MIB};

/// Every driver that a rule requires.
const MODULES: &str = "kernel/a/virtio_blk.ko: \nkernel/a/virtio-net.ko.xz:\nkernel/a/virtio_scsi.ko:\n\
    kernel/a/nvme.ko:\nkernel/a/ena.ko:\nkernel/a/hv_storvsc.ko:\nkernel/a/hv_netvsc.ko:\nkernel/a/ahci.ko:\n\
    kernel/a/e1000.ko:\nkernel/a/vmxnet3.ko:\nkernel/a/vmw_pvscsi.ko:\nkernel/a/mptspi.ko:\n";

fn good_files() -> Vec<(&'static str, &'static str)> {
    vec![
        ("/etc/machine-id", "uninitialized\n"),
        ("/usr/bin/cloud-init", "#!/bin/sh\n"),
        ("/lib/modules/6.1.0-1-amd64/modules.dep", MODULES),
    ]
}

fn raw(folder: &Path, size: u64, more: &[(&str, &str)]) -> std::path::PathBuf {
    let files: Vec<_> = good_files().into_iter().chain(more.iter().copied()).collect();
    artifact::write(Format::Raw, &appliance::disk_with(size, &files), folder)
}

fn facts(path: &Path) -> Facts {
    facts::gather(&Arc::new(Image::open(path).unwrap())).unwrap()
}

/// A good image, in the format that `maker` makes.
fn good(folder: &Path, maker: Maker) -> Facts {
    let mut facts = facts(&maker.make(&raw(folder, GIB, &[]), folder));
    let inside = facts.inside.as_mut().unwrap();
    inside.efi[0].signers = Some(vec!["Microsoft Corporation UEFI CA 2011".into()]);
    facts
}

const VHD: Maker = Maker::Qemu("vpc", &["-o", "subformat=fixed,force_size"]);
const VHDX: Maker = Maker::Qemu("vhdx", &["-o", "block_size=1M"]);
const STREAM: Maker = Maker::Qemu("vmdk", &["-o", "subformat=streamOptimized"]);

const OVF: &str = r#"<?xml version="1.0"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1">
  <References><File ovf:id="f" ovf:href="a.vmdk"/></References>
  <VirtualSystem ovf:id="a"><VirtualHardwareSection>
    <System><VirtualSystemType>vmx-13 vmx-14</VirtualSystemType></System>
    <Item><ResourceSubType>lsilogic</ResourceSubType><ResourceType>6</ResourceType></Item>
    <Item><ResourceSubType>E1000</ResourceSubType><ResourceType>10</ResourceType></Item>
  </VirtualHardwareSection></VirtualSystem>
</Envelope>"#;

fn package(ovf: &str, manifest: Option<&str>, names: &[&str]) -> Package {
    let member =
        |name: &&str| Member { name: name.to_string(), offset: 512, size: 1, extended: false };
    let hashed = names.iter().filter(|name| !name.ends_with(".mf"));
    let key = |name: &&str| (Algorithm::Sha256, (*name).to_owned());
    Package::new(&PackageText {
        members: names.iter().map(member).collect(),
        description: ovf.to_owned(),
        manifest: manifest.map(str::to_owned),
        sums: hashed.map(|name| (key(name), Digest::of(name).to_string())).collect(),
    })
}

fn manifest() -> String {
    let line = |name: &str| format!("SHA256({name})= {}\n", Digest::of(name));
    line("a.ovf") + &line("a.vmdk")
}

const NAMES: [&str; 3] = ["a.ovf", "a.mf", "a.vmdk"];

/// A good package: other tools make none, so the faults of theirs are corrected.
fn good_package(folder: &Path) -> Facts {
    let mut facts = good(folder, Maker::Package);
    facts.package = Some(package(OVF, Some(&manifest()), &NAMES));
    if let Container::Ova(_, vmdk) = &mut facts.container {
        (vmdk.version, vmdk.footer) = (3, true);
    }
    facts
}

fn found(facts: &Facts, platform: Platform) -> Vec<(Severity, &'static str)> {
    let findings = judge(facts, platform);
    let bad = findings.iter().filter(|finding| finding.severity != Severity::Note);
    bad.map(|finding| (finding.severity, finding.rule)).collect()
}

#[test]
fn a_good_image_is_clean_on_every_platform() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        (Platform::Kvm, good(folder.path(), Maker::Qemu("qcow2", &["-c"]))),
        (Platform::Kvm, good(folder.path(), Maker::Qemu("raw", &[]))),
        (Platform::Azure, good(folder.path(), VHD)),
        (Platform::Hyperv, good(folder.path(), VHDX)),
        (Platform::Hyperv, good(folder.path(), VHD)),
        (Platform::Gce, good(folder.path(), Maker::Tar(&["--format=oldgnu", "--sparse"]))),
        (Platform::Aws, good(folder.path(), STREAM)),
        (Platform::Aws, good(folder.path(), VHD)),
        (Platform::Virtualbox, good_package(folder.path())),
        (Platform::Vmware, good_package(folder.path())),
    ];
    for (platform, facts) in cases {
        let findings = judge(&facts, platform);
        let bad: Vec<&Finding> = findings.iter().filter(|f| f.severity != Severity::Note).collect();
        assert!(bad.is_empty(), "{platform:?}: {bad:?}");
    }
}

#[test]
fn a_format_that_a_platform_does_not_import_is_an_error_with_the_conversion() {
    let folder = tempfile::tempdir().unwrap();
    let raw = good(folder.path(), Maker::Qemu("raw", &[]));
    let zstd = Facts { format: Format::Qcow2Zstd, ..raw.clone() };
    let sparse = Facts { format: Format::VmdkSparse, ..raw.clone() };
    let refused = [
        (Platform::Vmware, &raw),
        (Platform::Virtualbox, &raw),
        (Platform::Hyperv, &raw),
        (Platform::Azure, &raw),
        (Platform::Gce, &raw),
        (Platform::Aws, &zstd),
        (Platform::Aws, &sparse),
        (Platform::Vmware, &sparse),
    ];
    for (platform, facts) in refused {
        let findings = judge(facts, platform);
        let error = findings.iter().find(|f| f.rule == "format").unwrap();
        assert_eq!(error.severity, Severity::Error, "{platform:?}");
        assert!(error.fix.starts_with("slipway convert IMAGE --to "), "{error:?}");
    }
    assert_eq!(found(&zstd, Platform::Kvm), [(Severity::Warning, "zstd")]);
    assert_eq!(found(&zstd, Platform::Virtualbox), [(Severity::Error, "zstd")]);
    let dynamic = Facts { format: Format::VhdDynamic, ..good(folder.path(), VHD) };
    assert_eq!(found(&dynamic, Platform::Azure), [(Severity::Error, "format")]);
}

/// Breaks a good image in one way.
fn broken(
    good: &Facts,
    platform: Platform,
    break_it: impl Fn(&mut Facts),
) -> Vec<(Severity, &'static str)> {
    let mut facts = good.clone();
    break_it(&mut facts);
    found(&facts, platform)
}

fn inside(facts: &mut Facts) -> &mut Inside {
    facts.inside.as_mut().unwrap()
}

#[test]
fn what_is_wrong_everywhere_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let good = good(folder.path(), Maker::Qemu("qcow2", &["-c"]));
    let rule = |break_it: fn(&mut Facts)| {
        let found = broken(&good, Platform::Kvm, break_it);
        assert_eq!(found.len(), 1, "{found:?}");
        found[0]
    };
    use Severity::{Error, Warning};
    assert_eq!(rule(|f| f.cut_off = Some("the file is cut off".into())), (Error, "cut-off"));
    assert_eq!(rule(|f| f.inside = Err(Unread::Damaged("no table".into()))), (Error, "unreadable"));
    assert_eq!(rule(|f| inside(f).table.both_copies = false), (Error, "backup-table"));
    assert_eq!(rule(|f| inside(f).table.partitions[0].offset = GIB), (Warning, "root-not-last"));
    let no_boot = |f: &mut Facts| {
        inside(f).bios = false;
        inside(f).efi.clear();
    };
    assert_eq!(rule(no_boot), (Error, "no-boot"));
    let screen = |f: &mut Facts| inside(f).system.command_lines = vec!["console=tty1".into()];
    assert_eq!(rule(screen), (Warning, "serial-console"));
    let device = |f: &mut Facts| inside(f).system.mounted.push("/dev/sda1".into());
    assert_eq!(rule(device), (Warning, "fstab-device"));
    let no_driver = |f: &mut Facts| {
        inside(f).system.drivers.as_mut().unwrap().remove("virtio_net");
    };
    assert_eq!(rule(no_driver), (Error, "driver"));
}

#[test]
fn an_identity_inside_the_image_is_found_in_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let shared = [
        ("/etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
        ("/etc/ssh/ssh_host_ed25519_key", "secret"),
        ("/var/lib/systemd/random-seed", "seed"),
        ("/etc/systemd/network/10-lan.network", "[Network]\nAddress=192.0.2.1/24\n"),
    ];
    let facts = facts(&VHD.make(&raw(folder.path(), GIB, &shared), folder.path()));
    let rules: Vec<_> = found(&facts, Platform::Azure).into_iter().map(|(_, rule)| rule).collect();
    assert_eq!(rules, ["machine-id", "host-keys", "random-seed", "static-address"]);
}

#[test]
fn what_azure_and_hyperv_refuse_is_found() {
    use Severity::{Error, Warning};
    let folder = tempfile::tempdir().unwrap();
    let vhd = good(folder.path(), VHD);
    let azure = |break_it: fn(&mut Facts)| broken(&vhd, Platform::Azure, break_it);
    assert_eq!(azure(|f| f.size += 512), [(Error, "size")]);
    assert_eq!(azure(|f| f.length += 512), [(Error, "footer-size")]);
    assert_eq!(azure(|f| f.size = 2049 * GIB), [(Error, "size-limit")]);
    assert_eq!(azure(|f| inside(f).system.agents.clear()), [(Warning, "agent")]);
    assert_eq!(azure(|f| inside(f).bios = false), [(Warning, "generation")]);
    assert_eq!(azure(|f| inside(f).efi.clear()), [(Warning, "generation")]);
    let vhdx = good(folder.path(), VHDX);
    let hyperv = |break_it: fn(&mut Facts)| broken(&vhdx, Platform::Hyperv, break_it);
    assert_eq!(hyperv(|f| inside(f).efi[0].signers = Some(vec![])), [(Warning, "secure-boot")]);
    assert_eq!(hyperv(|f| f.length += 4096), [(Error, "alignment")]);
    assert_eq!(hyperv(|f| f.size += 100), [(Error, "size")]);
    let large =
        |f: &mut Facts| f.container = Container::Vhdx { block: 64 * MIB, logical_sector: 512 };
    assert_eq!(hyperv(large), [(Warning, "block-size")]);
    let found = broken(&vhd, Platform::Hyperv, |f| f.size = 2041 * GIB);
    assert_eq!(found, [(Error, "size-limit")]);
    let notes = judge(&vhdx, Platform::Hyperv);
    assert!(
        notes.iter().any(|n| n.fix.contains("Microsoft UEFI Certificate Authority")),
        "{notes:?}"
    );
}

#[test]
fn what_gce_refuses_is_found() {
    use Severity::Error;
    let folder = tempfile::tempdir().unwrap();
    let good = good(folder.path(), Maker::Tar(&["--format=oldgnu", "--sparse"]));
    let archive = |f: &mut Facts, change: fn(&mut slipway::inspect::Archive)| {
        if let Container::Gce(archive) = &mut f.container {
            change(archive);
        }
    };
    let gce = |break_it: &dyn Fn(&mut Facts)| broken(&good, Platform::Gce, break_it);
    assert_eq!(gce(&|f| archive(f, |a| a.member = "./disk.raw".into())), [(Error, "member")]);
    assert_eq!(gce(&|f| archive(f, |a| a.old_gnu = false)), [(Error, "tar-format")]);
    assert_eq!(gce(&|f| archive(f, |a| a.more = true)), [(Error, "members")]);
    assert_eq!(gce(&|f| f.size += MIB), [(Error, "size")]);
}

#[test]
fn an_archive_that_gce_refuses_is_read_to_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::File::create(path("disk.raw")).unwrap().set_len(16 * MIB).unwrap();
    std::fs::write(path("._disk.raw"), "mac").unwrap();
    let rules = |args: &[&str]| -> Vec<&'static str> {
        let mut tar = std::process::Command::new("tar");
        let archive = folder.path().with_extension("tar.gz");
        crate::common::foreign::run(
            tar.current_dir(&folder).args(args).arg("-czf").arg(&archive).args(
                if args.contains(&".") { &[][..] } else { &["./._disk.raw", "disk.raw"][..] },
            ),
        );
        let found = lint(&archive, Platform::Gce).unwrap();
        std::fs::remove_file(&archive).unwrap();
        found.into_iter().map(|finding| finding.rule).collect()
    };
    // an empty disk has no table, and one of 16 MiB is no whole number of GiB
    let all = ["unreadable", "members", "tar-format", "size"];
    assert_eq!(rules(&["--format=posix"]), all);
    assert_eq!(rules(&["--format=ustar"]), all);
    assert_eq!(rules(&["--format=oldgnu", "-S"]), ["unreadable", "members", "size"]);
}

#[test]
fn what_is_wrong_with_a_package_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let good = good_package(folder.path());
    let rules = |ovf: &str, manifest: &str, names: &[&str]| -> Vec<&'static str> {
        let broken = Facts { package: Some(package(ovf, Some(manifest), names)), ..good.clone() };
        found(&broken, Platform::Vmware).into_iter().map(|(_, rule)| rule).collect()
    };
    let manifest = manifest();
    assert_eq!(rules("<a", &manifest, &NAMES)[0], "ovf");
    assert_eq!(rules(&OVF.replace("envelope/1", "envelope/2"), &manifest, &NAMES), ["ovf-version"]);
    assert_eq!(rules(OVF, &manifest, &["a.vmdk", "a.ovf", "a.mf"]), ["ovf-first"]);
    assert_eq!(rules(&OVF.replace("a.vmdk", "b.vmdk"), &manifest, &NAMES), ["missing-file"]);
    let spaced = manifest.replace("SHA256(a.vmdk)", "SHA256 (a.vmdk)");
    assert_eq!(rules(OVF, &spaced, &NAMES), ["manifest-line", "manifest-lacks"]);
    let other = manifest.replace(&Digest::of("a.vmdk").to_string(), &Digest::of("b").to_string());
    assert_eq!(rules(OVF, &other, &NAMES), ["manifest-digest"]);
    assert_eq!(
        rules(&OVF.replace("vmx-13 vmx-14", "virtualbox-2.2"), &manifest, &NAMES),
        ["hardware"]
    );
    assert_eq!(rules(&OVF.replace("vmx-13 vmx-14", "vmx-21"), &manifest, &NAMES), ["hardware"]);
    let sas = OVF.replace("lsilogic", "lsilogicsas");
    assert_eq!(rules(&sas, &manifest, &NAMES), ["driver"]);
    let vmxnet = package(&OVF.replace("E1000", "VmxNet3"), Some(&manifest), &NAMES);
    let vmxnet = Facts { package: Some(vmxnet), ..good.clone() };
    assert_eq!(found(&vmxnet, Platform::Virtualbox), [(Severity::Warning, "device")]);
    let bare = Facts { package: Some(package(OVF, None, &["a.ovf", "a.vmdk"])), ..good };
    assert_eq!(found(&bare, Platform::Vmware), [(Severity::Warning, "manifest")]);
}

/// A package with a real disk of 8 MiB, its manifest by `sum` (openssl's name), and this
/// description.
fn real_package(folder: &Path, sum: &str, ovf: &str, change: impl Fn(&Path)) -> std::path::PathBuf {
    let path = |name: &str| folder.join(name);
    std::fs::File::create(path("d.raw")).unwrap().set_len(8 * MIB).unwrap();
    let mut qemu = std::process::Command::new("qemu-img");
    qemu.args(["convert", "-O", "vmdk", "-o", "subformat=streamOptimized"]);
    crate::common::foreign::run(qemu.arg(path("d.raw")).arg(path("a.vmdk")));
    std::fs::write(path("a.ovf"), ovf).unwrap();
    let mut manifest = String::new();
    for name in ["a.ovf", "a.vmdk"] {
        let tool = format!("{}sum", sum.to_lowercase());
        let output = std::process::Command::new(tool).arg(path(name)).output().unwrap();
        let digest = String::from_utf8(output.stdout).unwrap();
        manifest += &format!("{sum}({name})= {}\n", digest.split(' ').next().unwrap());
    }
    std::fs::write(path("a.mf"), manifest).unwrap();
    change(folder);
    let mut tar = std::process::Command::new("tar");
    tar.current_dir(folder).args(["--format=ustar", "-cf", "a.ova", "a.ovf", "a.vmdk", "a.mf"]);
    crate::common::foreign::run(&mut tar);
    path("a.ova")
}

#[test]
fn every_digest_of_a_manifest_is_compared_whatever_made_it() {
    let folder = tempfile::tempdir().unwrap();
    for sum in ["SHA1", "SHA256", "SHA512"] {
        let rules = |change: &dyn Fn(&Path)| -> Vec<&'static str> {
            let package = real_package(folder.path(), sum, OVF, change);
            let found = lint(&package, Platform::Virtualbox).unwrap();
            found.into_iter().map(|finding| finding.rule).collect()
        };
        assert!(!rules(&|_| {}).contains(&"manifest-digest"), "{sum}");
        let longer = |folder: &Path| {
            let text = std::fs::read_to_string(folder.join("a.ovf")).unwrap();
            std::fs::write(folder.join("a.ovf"), text + "\n").unwrap();
        };
        assert!(rules(&longer).contains(&"manifest-digest"), "{sum}");
    }
}

#[test]
fn what_a_description_says_of_its_disk_is_held_against_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let rules = |disk: &str, file: &str| -> Vec<&'static str> {
        let ovf = OVF.replace("ovf:id=\"f\"", file).replace(
            "</References>",
            &format!("</References><DiskSection><Disk {disk}/></DiskSection>"),
        );
        let package = real_package(folder.path(), "SHA256", &ovf, |_| {});
        let found = lint(&package, Platform::Virtualbox).unwrap();
        let about = ["file-size", "capacity", "file-ref", "missing-file"];
        found.into_iter().map(|f| f.rule).filter(|rule| about.contains(rule)).collect()
    };
    let (file, none) = ("ovf:id=\"f\"", Vec::<&str>::new());
    let good = "ovf:fileRef=\"f\" ovf:capacity=\"8\" ovf:capacityAllocationUnits=\"byte * 2^20\"";
    assert_eq!(rules(good, file), none);
    assert_eq!(rules(&good.replace("\"8\"", "\"7\""), file), ["capacity"]);
    assert_eq!(rules(&good.replace("\"f\"", "\"g\""), file), ["file-ref"]);
    assert_eq!(rules(good, "ovf:id=\"f\" ovf:size=\"1000\""), ["file-size"]);
    let size = std::fs::metadata(folder.path().join("a.vmdk")).unwrap().len();
    assert_eq!(rules(good, &format!("ovf:id=\"f\" ovf:size=\"{size}\"")), none);
}

#[test]
fn packages_that_are_not_read_are_told_of_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    real_package(folder.path(), "SHA256", OVF, |_| {});
    std::fs::write(path("._a.vmdk"), "mac").unwrap();
    let mut gzip = std::process::Command::new("gzip");
    crate::common::foreign::run(gzip.args(["-kf"]).arg(path("a.vmdk")));
    std::fs::copy(path("a.vmdk"), path("a.vmdk.000000000")).unwrap();
    std::fs::copy(path("a.vmdk"), path("disk")).unwrap();
    std::fs::copy(path("a.vmdk"), path("a.vhd")).unwrap();
    let found = |names: &[&str]| {
        let mut tar = std::process::Command::new("tar");
        tar.current_dir(&folder).args(["--format=ustar", "-cf", "b.ova", "a.ovf"]).args(names);
        crate::common::foreign::run(&mut tar);
        lint(&path("b.ova"), Platform::Vmware).unwrap()
    };
    for (name, what) in [("a.vmdk.gz", "vSphere 6.5"), ("a.vmdk.000000000", "chunks")] {
        let findings = found(&[name]);
        assert_eq!((findings.len(), findings[0].rule), (1, "not-read"), "{findings:?}");
        assert!(findings[0].reason.contains(what), "{findings:?}");
    }
    assert!(found(&["._a.vmdk", "a.vmdk"]).iter().any(|finding| finding.rule == "macos"));
    assert!(found(&["disk"]).iter().all(|finding| finding.rule != "not-read"));
}

#[test]
fn a_sound_disk_that_is_not_read_is_no_error_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk.raw");
    std::fs::File::create(&disk).unwrap().set_len(64 * MIB).unwrap();
    let tool = |name: &str| {
        let mut command = std::process::Command::new(name);
        command.env("PATH", format!("/usr/sbin:/sbin:{}", std::env::var("PATH").unwrap()));
        command
    };
    crate::common::foreign::run(
        tool("sh").args(["-c", "echo ,,83,* | sfdisk -q \"$0\""]).arg(&disk),
    );
    let errors = |platform| -> Vec<Finding> {
        let found = lint(&disk, platform).unwrap();
        found.into_iter().filter(|finding| finding.rule != "drivers").collect()
    };
    let mbr = errors(Platform::Azure);
    let rules: Vec<_> = mbr.iter().map(|f| (f.severity, f.rule)).collect();
    assert_eq!(rules, [(Severity::Error, "format"), (Severity::Warning, "not-read")], "{mbr:?}");
    assert!(mbr[1].reason.contains("MBR"), "{mbr:?}");
}

#[test]
fn a_root_of_linuxs_general_type_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let raw = raw(folder.path(), 256 * MIB, &[]);
    let mut sgdisk = std::process::Command::new("sgdisk");
    sgdisk.env("PATH", format!("/usr/sbin:/sbin:{}", std::env::var("PATH").unwrap()));
    crate::common::foreign::run(sgdisk.args(["-t3:8300"]).arg(&raw));
    assert_eq!(lint(&raw, Platform::Kvm).unwrap(), []);
}

#[test]
fn esxi_wants_a_stream_of_version_3() {
    use Severity::{Error, Warning};
    let folder = tempfile::tempdir().unwrap();
    let good = good_package(folder.path());
    let rules = |change: fn(&mut slipway::inspect::VmdkFacts)| {
        broken(&good, Platform::Vmware, |f| {
            if let Container::Ova(_, vmdk) = &mut f.container {
                change(vmdk);
            }
        })
    };
    assert_eq!(rules(|vmdk| vmdk.version = 1), [(Error, "vmdk-version")]);
    assert_eq!(rules(|vmdk| vmdk.markers = false), [(Error, "markers")]);
    assert_eq!(rules(|vmdk| vmdk.footer = false), [(Warning, "footer")]);
    assert_eq!(rules(|vmdk| vmdk.create_type = None), [(Error, "stream")]);
}

#[test]
fn a_disk_that_was_cut_off_is_found_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let raw = raw(folder.path(), 256 * MIB, &[]);
    for maker in [Maker::Qemu("raw", &[]), Maker::Qemu("qcow2", &["-c"]), VHDX] {
        let path = maker.make(&raw, folder.path());
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
        let findings = lint(&path, Platform::Kvm).unwrap();
        let rules = ["cut-off", "backup-table", "unreadable"];
        let found = findings.iter().any(|f| rules.contains(&f.rule));
        assert!(found, "{maker:?}: {findings:?}");
    }
}

#[test]
fn the_program_ends_with_1_when_there_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let raw = raw(folder.path(), 256 * MIB, &[]);
    let run = |platform: &str| {
        let mut command = assert_cmd::Command::cargo_bin("slipway").unwrap();
        command.arg("lint").arg(&raw).args(["--for", platform]).assert()
    };
    let clean = run("kvm").success();
    assert_eq!(clean.get_output().stdout, b"kvm: 0 errors, 0 warnings\n");
    let refused = run("azure").code(1);
    let text = String::from_utf8_lossy(&refused.get_output().stdout).into_owned();
    assert!(text.contains("error: Azure does not import raw [format]"), "{text}");
    assert!(text.contains("fix: slipway convert IMAGE --to vhd"), "{text}");
    let mut command = assert_cmd::Command::cargo_bin("slipway").unwrap();
    let json = command.arg("lint").arg(&raw).args(["--for", "gce", "--json"]).assert().code(1);
    let json: serde_json::Value = serde_json::from_slice(&json.get_output().stdout).unwrap();
    assert_eq!((&json["errors"], &json["findings"][0]["rule"]), (&1.into(), &"format".into()));
}
