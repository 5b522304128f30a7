//! What a build produces beside the images, and what the requested platforms say about them.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use slipway::units::Digest;

use crate::common::small::{self, bundle, project, publish, run, slipway};

/// The small project, whose customer wants these formats, with its bundle published.
fn wants(formats: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    project(folder.path());
    profile(folder.path(), formats);
    publish(folder.path(), &bundle(folder.path(), "1"));
    folder
}

fn profile(folder: &Path, formats: &str) {
    small::profile(folder, "4 GiB");
    let path = folder.join("profiles/tiny.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("[\"qcow2\"]", formats)).unwrap();
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn build(folder: &Path, more: &[&str]) -> Output {
    slipway(folder, &[&["build", "tiny"], more].concat()).output().unwrap()
}

#[test]
fn a_platforms_name_means_its_format_and_the_image_is_held_against_it_at_once() {
    let folder = wants("[\"azure\", \"virtualbox\", \"qcow2\"]");
    let folder = folder.path();
    let plan = text(&slipway(folder, &["plan", "tiny"]).output().unwrap().stdout);
    assert!(plan.contains("vhd for azure, ova for virtualbox, qcow2"), "{plan}");
    let output = build(folder, &["--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let artifacts = told["built"]["artifacts"].as_array().unwrap();
    let formats: Vec<_> = artifacts.iter().map(|artifact| artifact["format"].clone()).collect();
    assert_eq!(formats, ["vhd", "ova", "qcow2"]);
    assert!(!plan.contains("not compressed"), "{plan}");
    let platforms = told["platforms"].as_array().unwrap();
    let names: Vec<_> = platforms.iter().map(|judged| judged["platform"].clone()).collect();
    // nothing is said about an image that was requested by its format
    assert_eq!(names, ["azure", "virtualbox"]);
    for judged in platforms {
        let image =
            Path::new(told["folder"].as_str().unwrap()).join(judged["file"].as_str().unwrap());
        let (image, platform) = (image.to_str().unwrap(), judged["platform"].as_str().unwrap());
        let lint = slipway(folder, &["lint", image, "--for", platform, "--json"]).output().unwrap();
        let lint: Value = serde_json::from_slice(&lint.stdout).unwrap();
        assert_eq!(lint["findings"], judged["findings"], "{platform}");
    }
    // warnings do not make it a failure
    assert_eq!(output.status.code(), Some(0), "{told:#}");
    let said = text(&build(folder, &[]).stderr);
    assert!(said.contains("azure: 0 errors") && said.contains("warning: "), "{said}");
}

/// Gives the small base a kernel with modules, but without any that a virtual machine needs.
fn without_drivers(folder: &Path) {
    let list = folder.join("lib/modules/6.1.0-1-amd64/modules.dep");
    std::fs::create_dir_all(list.parent().unwrap()).unwrap();
    std::fs::write(&list, "kernel/a/none.ko:\n").unwrap();
    let (archive, definition) =
        (folder.join("images/root.tar"), folder.join("images/debian-12.toml"));
    let before = Digest::of(std::fs::read(&archive).unwrap()).to_string();
    let mut tar = Command::new("tar");
    tar.arg("-C").arg(folder).arg("-rf").arg(&archive).args(["--owner=0", "--group=0"]);
    assert!(tar.arg("--mtime=@1760000000").arg("lib").status().unwrap().success());
    let after = Digest::of(std::fs::read(&archive).unwrap()).to_string();
    let text = std::fs::read_to_string(&definition).unwrap().replace(&before, &after);
    std::fs::write(&definition, text).unwrap();
}

#[test]
fn a_build_for_a_platform_that_refuses_the_image_ends_with_1_and_leaves_it_whole() {
    let folder = wants("[\"kvm\", \"qcow2-plain\"]");
    let folder = folder.path();
    without_drivers(folder);
    let output = build(folder, &[]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("[driver]") && said.contains("fix: "), "{said}");
    let images = text(&output.stdout);
    let images: Vec<_> = images.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert!(images.len() == 2 && images.iter().all(|image| folder.join(image).is_file()));
    let all = slipway(folder, &["build", "tiny", "tiny"]).output().unwrap();
    assert_eq!(all.status.code(), Some(1));
    assert!(text(&all.stderr).contains("refused by a platform"), "{}", text(&all.stderr));
}

#[test]
fn a_format_that_nobody_asked_a_platform_of_is_not_judged_and_names_are_shown_when_one_is_wrong() {
    let folder = wants("[\"qcow2\"]");
    let output = build(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    profile(folder.path(), "[\"hyper-w\"]");
    let said = text(&slipway(folder.path(), &["check", "tiny"]).output().unwrap().stderr);
    assert!(said.contains("did you mean \"hyper-v\"?") && said.contains("proxmox"), "{said}");
    for name in ["hyper-v", "hyperv"] {
        profile(folder.path(), &format!("[{name:?}]"));
        run(folder.path(), &["check", "tiny"]);
        let listed = slipway(folder.path(), &["list", "--json"]).output().unwrap();
        let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
        assert_eq!(listed[0]["profile"]["formats"], serde_json::json!(["vhdx"]));
        // the bytes that deflate would remove stay in it: whoever sends it over a network wants to
        // know
        let plan = text(&slipway(folder.path(), &["plan", "tiny"]).output().unwrap().stdout);
        assert!(plan.contains("vhdx for hyper-v") && plan.contains("not compressed"), "{plan}");
    }
    let script = slipway(folder.path(), &["completions", "bash"]).output().unwrap();
    assert!(text(&script.stdout).contains("vmware virtualbox hyper-v"));
}

/// The names in a folder that are not images.
fn beside(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with("tiny-"));
    names.sort();
    names
}

fn sha256sum(folder: &Path) -> Output {
    let mut command = Command::new("sha256sum");
    command.args(["--check", "--strict", "SHA256SUMS"]).current_dir(folder).output().unwrap()
}

#[test]
fn the_digests_beside_the_images_are_those_that_sha256sum_works_out_and_speak_of_every_file() {
    let folder = wants("[\"vmware\", \"kvm\"]");
    let out = folder.path().join("out/tiny");
    assert!(build(folder.path(), &[]).status.success());
    let checked = sha256sum(&out);
    let said = text(&checked.stdout);
    assert!(checked.status.success(), "{said}{}", text(&checked.stderr));
    let checked: Vec<_> = said.lines().map(|line| line.strip_suffix(": OK").unwrap()).collect();
    assert_eq!(checked.len(), 3, "{checked:?}");
    for ending in [".ova", ".qcow2", "IMPORT.md"] {
        assert!(checked.iter().any(|name| name.ends_with(ending)), "{checked:?}");
    }
    assert_eq!(beside(&out), ["IMPORT.md", "SHA256SUMS", "latest.json"]);
    // a changed page is noticed as well
    std::fs::write(out.join("IMPORT.md"), "x").unwrap();
    assert!(!sha256sum(&out).status.success());

    let output = build(folder.path(), &["--no-digest"]);
    assert!(text(&output.stderr).contains("there is no SHA256SUMS"), "{}", text(&output.stderr));
    assert_eq!(beside(&out), ["IMPORT.md", "latest.json"]);
    let page = std::fs::read_to_string(out.join("IMPORT.md")).unwrap();
    assert!(page.contains("There is no `SHA256SUMS`") && page.contains("--no-digest"), "{page}");
    assert!(build(folder.path(), &[]).status.success());
    assert!(sha256sum(&out).status.success());
}

#[test]
fn a_handover_that_cannot_be_written_leaves_the_one_before() {
    let folder = wants("[\"kvm\"]");
    let out = folder.path().join("out/tiny");
    assert!(build(folder.path(), &[]).status.success());
    let before = |name| std::fs::read(out.join(name)).unwrap();
    let (sums, latest) = (before("SHA256SUMS"), before("latest.json"));
    std::fs::remove_file(out.join("IMPORT.md")).unwrap();
    std::fs::create_dir_all(out.join("IMPORT.md/mine")).unwrap();
    profile(folder.path(), "[\"kvm\", \"raw\"]");
    let output = build(folder.path(), &[]);
    assert!(!output.status.success() && text(&output.stderr).contains("IMPORT.md"));
    assert_eq!((before("SHA256SUMS"), before("latest.json")), (sums, latest));
    let hidden = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(hidden.filter(|name| name.to_string_lossy().starts_with('.')).count() == 0);
}

/// A Markdown reader's view of a page: its text with its code, and the blocks of each language.
fn read(page: &str) -> (String, Vec<(String, String)>) {
    use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
    let (mut words, mut blocks, mut inside) = (String::new(), Vec::new(), None);
    for event in Parser::new_ext(page, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                inside = Some((language.to_string(), String::new()));
            }
            Event::End(TagEnd::CodeBlock) => blocks.extend(inside.take()),
            Event::Text(said) | Event::Code(said) => match &mut inside {
                Some((_, block)) => block.push_str(&said),
                None => words.push_str(&said),
            },
            Event::SoftBreak | Event::End(_) => words.push('\n'),
            _ => {}
        }
    }
    (words, blocks)
}

#[test]
fn the_page_says_what_to_do_on_each_platform_that_was_asked_for_and_what_the_machine_is() {
    let folder = wants("[\"vmware\", \"hyper-v\", \"proxmox\", \"raw\"]");
    let folder = folder.path();
    let file = folder.join("profiles/tiny.toml");
    let profile = std::fs::read_to_string(&file).unwrap();
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOLZeEHMRyJ0gnoKSlh0vp60yW+hu0e7q5LIEeyVGQCQ ana@example";
    let more = format!(
        "[network]\naddress = \"192.0.2.10/24\"\ngateway = \"192.0.2.1\"\ndns = [\"192.0.2.53\"]\n\
         [access]\nssh_keys = [{key:?}]\n[branding]\nproduct = \"*Shop* | [a](b)\"\n\
         [[probes]]\nhttp = \"/health\"\nport = 8443\n"
    );
    std::fs::write(&file, profile.replace("\"Tiny\"", "\"Tiny & <b>Sons</b>\"") + &more).unwrap();
    run(folder, &["check", "tiny"]);
    build(folder, &[]);
    let page = std::fs::read_to_string(folder.join("out/tiny/IMPORT.md")).unwrap();
    let (words, blocks) = read(&page);
    // names are shown literally
    assert!(words.starts_with("*Shop* | [a](b) for Tiny & <b>Sons</b>\n"), "{words}");
    for said in ["VMware", "Hyper-V: tiny-", "Proxmox VE: tiny-", "KVM and libvirt: tiny-"] {
        assert!(words.contains(said), "{said}: {page}");
    }
    // VirtualBox accepts the same file as VMware, but nobody asked for it
    assert!(!words.contains("VirtualBox"), "{page}");
    for said in
        ["192.0.2.10/24, gateway 192.0.2.1", "192.0.2.53", "ana@example", "8443", "8008", "SSH"]
    {
        assert!(words.contains(said), "{said}: {page}");
    }
    assert!(words.contains("there is no password") && !words.contains("console shows the first"));
    for (language, block) in &blocks {
        assert!(!block.contains(['{', '}']), "{block}");
        if language == "sh" {
            let parsed = Command::new("sh").args(["-n", "-c", block]).output().unwrap();
            assert!(parsed.status.success(), "{block}: {}", text(&parsed.stderr));
        }
    }
    assert!(
        blocks.iter().any(|(_, b)| b.contains("qm create"))
            && blocks.iter().any(|(l, _)| l == "powershell")
    );

    // a screenshot that a smoke test of this image left is in the page of its next build
    let image = std::fs::read_dir(folder.join("out/tiny")).unwrap().map(|e| e.unwrap().path());
    let record = { image }.find(|path| path.extension().is_some_and(|e| e == "vhdx")).unwrap();
    let report = record.with_extension("smoke-bios");
    std::fs::create_dir(&report).unwrap();
    std::fs::write(report.join("screen-1.png"), "x").unwrap();
    build(folder, &[]);
    let page = std::fs::read_to_string(folder.join("out/tiny/IMPORT.md")).unwrap();
    assert!(page.contains(".smoke-bios/screen-1.png)"), "{page}");
}
