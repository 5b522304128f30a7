//! Bases and layers: from pinned archives, and from a signed package archive that is made here with
//! Ubuntu's names, because Ubuntu's own cannot be reached from everywhere.

mod archive;
mod real;

use std::path::Path;

use archive::Archive;
use slipway::base::{Cache, Definition, LayerSpec, Root};
use slipway::error::{Error, Kind};
use slipway::progress::{Progress, Quiet};
use slipway::tree::{Entry, Node, Tree, TreePath, tar};
use slipway::units::{Digest, Timestamp};

/// A definition of kind "tarball" beside a root of three files; the archive is `root.tar` +
/// `suffix`.
fn tarball(folder: &Path, suffix: &str, compress: Option<&[&str]>) -> Definition {
    let time = Timestamp::from_seconds(1_700_000_000);
    let mut tree = Tree::new();
    tree.put_file("/etc/os-release", 0o644, time, "NAME=x\n").unwrap();
    tree.put_file("/etc/machine-id", 0o444, time, "0123456789abcdef0123456789abcdef\n").unwrap();
    tree.put_file("/etc/ssh/ssh_host_rsa_key", 0o600, time, "secret").unwrap();
    tree.put_file("/var/log/dpkg.log", 0o600, time, "log").unwrap();
    tree.put_file("/usr/bin/tool", 0o755, time, vec![7; 9000]).unwrap();
    tar::write(&tree, std::fs::File::create(folder.join("root.tar")).unwrap()).unwrap();
    if let Some([program, arguments @ ..]) = compress {
        let status = std::process::Command::new(program)
            .args(arguments)
            .arg(folder.join("root.tar"))
            .status()
            .unwrap();
        assert!(status.success(), "{program} is needed for this test");
    }
    let source = format!("root.tar{suffix}");
    let sha256 = Digest::of(std::fs::read(folder.join(&source)).unwrap());
    write_tarball_definition(folder, &source, sha256)
}

fn write_tarball_definition(folder: &Path, source: &str, sha256: Digest) -> Definition {
    let text = format!(
        "title = \"x\"\ndistribution = \"debian\"\nkind = \"tarball\"\n\
         [tarball]\nsource = \"{source}\"\nsha256 = \"{sha256}\"\ntime = \"2026-01-01T00:00:00Z\"\n\
         [puppet]\nagent = []\nserver = []\n"
    );
    std::fs::write(folder.join("x.toml"), text).unwrap();
    Definition::find(folder, "x").unwrap()
}

fn text(root: &Root, path: &str) -> String {
    let content = root.tree.file(path).unwrap_or_else(|| panic!("{path} is missing"));
    String::from_utf8(content.read().unwrap().to_vec()).unwrap()
}

fn pack_of(cache: &Path, root: &Root) -> std::path::PathBuf {
    cache.join("base/roots").join(root.digest.to_string()).join("pack")
}

#[test]
fn a_pinned_archive_becomes_a_root_without_identity_whatever_it_is_packed_with() {
    let mut digests = Vec::new();
    for (suffix, compress) in [
        ("", None),
        (".gz", Some(&["gzip", "-k"][..])),
        (".xz", Some(&["xz", "-k"])),
        (".zst", Some(&["zstd", "-qk"])),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let definition = tarball(folder.path(), suffix, compress);
        let cache = Cache::open(folder.path().join("cache")).unwrap();
        let root = cache.ensure(&definition, &Quiet).unwrap();
        assert_eq!(text(&root, "etc/machine-id"), "uninitialized\n");
        assert!(root.tree.get("etc/ssh/ssh_host_rsa_key").is_none());
        assert!(root.tree.get("var/log/dpkg.log").is_none());
        assert_eq!(&*root.tree.file("usr/bin/tool").unwrap().read().unwrap(), [7; 9000]);
        digests.push(root.digest);
    }
    assert!(digests.iter().all(|digest| *digest == digests[0]));
}

#[test]
fn an_archive_that_is_not_the_pinned_one_is_refused_and_nothing_is_cached() {
    let folder = tempfile::tempdir().unwrap();
    tarball(folder.path(), "", None);
    let definition = write_tarball_definition(folder.path(), "root.tar", Digest::of("other"));
    let cache = Cache::open(folder.path().join("cache")).unwrap();
    let error = cache.ensure(&definition, &Quiet).unwrap_err();
    assert_eq!(error.kind(), Kind::Damaged);
    assert!(cache.list(false).unwrap().is_empty());
}

#[test]
fn a_cached_root_is_used_until_a_fresh_one_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let definition = tarball(folder.path(), "", None);
    let cache = Cache::open(folder.path().join("cache")).unwrap();
    let made = cache.ensure(&definition, &Quiet).unwrap();
    std::fs::remove_file(folder.path().join("root.tar")).unwrap();
    let found = cache.ensure(&definition, &Quiet).unwrap();
    assert_eq!((found.digest, &found.tree), (made.digest, &made.tree));
    assert!(cache.rebuild(&definition, &Quiet).is_err());
    assert!(cache.find(&definition, &Quiet).unwrap().is_some());
}

#[test]
fn a_damaged_entry_is_noticed_and_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let definition = tarball(folder.path(), "", None);
    let cache_folder = folder.path().join("cache");
    let cache = Cache::open(&cache_folder).unwrap();
    let good = cache.ensure(&definition, &Quiet).unwrap();
    let pack = pack_of(&cache_folder, &good);
    let entry = pack.parent().unwrap().to_owned();
    let bytes = std::fs::read(&pack).unwrap();
    let mut altered = bytes.clone();
    altered[0] ^= 1;
    let damages: [(&str, &dyn Fn()); 6] = [
        ("pack altered", &|| std::fs::write(&pack, &altered).unwrap()),
        ("pack short", &|| std::fs::write(&pack, &bytes[1..]).unwrap()),
        ("pack gone", &|| std::fs::remove_file(&pack).unwrap()),
        ("tree short", &|| std::fs::write(entry.join("tree"), b"slipway tree 1\n").unwrap()),
        ("record empty", &|| std::fs::write(entry.join("root.json"), b"").unwrap()),
        ("all gone", &|| std::fs::remove_dir_all(&entry).unwrap()),
    ];
    for (what, damage) in damages {
        damage();
        assert!(cache.find(&definition, &Quiet).unwrap().is_none(), "{what}");
        let again = cache.ensure(&definition, &Quiet).unwrap();
        assert_eq!(again.digest, good.digest, "{what}");
        assert_eq!(std::fs::read(&pack).unwrap(), bytes, "{what}");
    }
}

#[test]
fn no_changed_bit_of_record_tree_sums_or_reference_reaches_an_image() {
    let folder = tempfile::tempdir().unwrap();
    let definition = tarball(folder.path(), "", None);
    let cache_folder = folder.path().join("cache");
    let cache = Cache::open(&cache_folder).unwrap();
    let good = cache.ensure(&definition, &Quiet).unwrap();
    let entry = pack_of(&cache_folder, &good).parent().unwrap().to_owned();
    let reference = std::fs::read_dir(cache_folder.join("base/refs")).unwrap().next().unwrap();
    let files = ["root.json", "tree", "sums"].map(|name| entry.join(name));
    for path in files.into_iter().chain([reference.unwrap().path()]) {
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 2;
            std::fs::write(&path, changed).unwrap();
            let what = format!("byte {at} of {}", path.display());
            assert!(cache.find(&definition, &Quiet).unwrap().is_none(), "{what}");
            if path.starts_with(&entry) {
                let listed = cache.list(true).unwrap();
                assert!(listed.iter().all(|root| root.damage.is_some()), "{what}");
            }
        }
        std::fs::write(&path, whole).unwrap();
    }
    assert!(cache.find(&definition, &Quiet).unwrap().is_some());
}

#[test]
fn a_reference_to_another_root_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let cache_folder = folder.path().join("cache");
    let cache = Cache::open(&cache_folder).unwrap();
    let definition = tarball(folder.path(), "", None);
    let old = cache.ensure(&definition, &Quiet).unwrap();
    let refs =
        || std::fs::read_dir(cache_folder.join("base/refs")).unwrap().map(|f| f.unwrap().path());
    let reference = refs().next().unwrap();
    let mut tree = old.tree.clone();
    tree.put_file("/etc/new", 0o644, old.time, "new").unwrap();
    tar::write(&tree, std::fs::File::create(folder.path().join("other.tar")).unwrap()).unwrap();
    let sum = Digest::of(std::fs::read(folder.path().join("other.tar")).unwrap());
    let other = write_tarball_definition(folder.path(), "other.tar", sum);
    let new = cache.ensure(&other, &Quiet).unwrap();
    let text = std::fs::read_to_string(&reference).unwrap();
    let swapped = text.replace(&old.digest.to_string(), &new.digest.to_string());
    std::fs::write(&reference, swapped).unwrap();
    assert!(cache.find(&definition, &Quiet).unwrap().is_none());
}

#[test]
fn a_pack_that_rotted_with_its_time_unchanged_fails_where_it_is_read_and_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let definition = tarball(folder.path(), "", None);
    let cache_folder = folder.path().join("cache");
    let cache = Cache::open(&cache_folder).unwrap();
    let good = cache.ensure(&definition, &Quiet).unwrap();
    let pack = pack_of(&cache_folder, &good);
    let whole = std::fs::read(&pack).unwrap();
    let modified = std::fs::metadata(&pack).unwrap().modified().unwrap();
    let mut rotten = whole.clone();
    let tool = whole.iter().position(|byte| *byte == 7).unwrap();
    rotten[tool + 8_999] ^= 1;
    std::fs::write(&pack, rotten).unwrap();
    std::fs::File::open(&pack).unwrap().set_modified(modified).unwrap();
    let found = cache.find(&definition, &Quiet).unwrap().unwrap();
    assert_eq!(text(&found, "etc/os-release"), "NAME=x\n", "what is whole is read");
    let error = found.tree.file("usr/bin/tool").unwrap().read().unwrap_err();
    assert_eq!((error.kind(), error.path()), (Kind::Damaged, Some(pack.as_path())));
    drop(found);
    assert!(
        cache.find(&definition, &Quiet).unwrap().is_none(),
        "the next build looks at all of it"
    );
    cache.ensure(&definition, &Quiet).unwrap();
    assert_eq!(std::fs::read(&pack).unwrap(), whole);
}

#[test]
fn a_damaged_root_archive_is_named_as_the_definition_names_it() {
    let folder = tempfile::tempdir().unwrap();
    tarball(folder.path(), "", None);
    let archive = folder.path().join("root.tar");
    let whole = std::fs::read(&archive).unwrap();
    std::fs::write(&archive, &whole[..whole.len() / 2]).unwrap();
    let sum = Digest::of(std::fs::read(&archive).unwrap());
    let definition = write_tarball_definition(folder.path(), "root.tar", sum);
    let cache = Cache::open(folder.path().join("cache")).unwrap();
    let error = cache.ensure(&definition, &Quiet).unwrap_err();
    assert_eq!((error.kind(), error.path()), (Kind::Damaged, Some(Path::new("root.tar"))));
}

#[test]
fn folders_that_an_archive_leaves_out_and_depth_have_limits() {
    let folder = tempfile::tempdir().unwrap();
    let packed = |name: &str, members: &[(String, u8, String)]| {
        let mut builder =
            ::tar::Builder::new(std::fs::File::create(folder.path().join(name)).unwrap());
        for (path, kind, link) in members {
            let mut header = ::tar::Header::new_gnu();
            header.set_size(0);
            header.set_mode(0o755);
            header.set_mtime(0);
            header.set_entry_type(::tar::EntryType::new(*kind));
            match link.as_str() {
                "" => builder.append_data(&mut header, path, &[][..]).unwrap(),
                link => builder.append_link(&mut header, path, link).unwrap(),
            }
        }
        builder.finish().unwrap();
        tar::Archive::open(&folder.path().join(name)).map(drop).map_err(|e| {
            format!("{e}: {:?}", std::error::Error::source(&e).map(ToString::to_string))
        })
    };
    let file = |path: String| (path, b'0', String::new());
    let deep = |depth: usize| vec![file("d/".repeat(depth - 1) + "f")];
    packed("deep.tar", &deep(250)).unwrap();
    let error = packed("deeper.tar", &deep(2000)).unwrap_err();
    assert!(error.contains("256 folders"), "{error}");
    // each of these short names asks for two hundred folders
    let wide: Vec<_> = (0..600).map(|i| file(format!("{i}/{}f", "d/".repeat(200)))).collect();
    let error = packed("wide.tar", &wide).unwrap_err();
    assert!(error.contains("leaves out too many"), "{error}");
    let link = |path: &str, to: &str| (path.to_owned(), b'1', to.to_owned());
    let linked = [("d".to_owned(), b'5', String::new()), link("l", "d")];
    let error = packed("linked.tar", &linked).unwrap_err();
    assert!(error.contains("hard link to /d, which is a folder"), "{error}");
    packed("good.tar", &[file("a".to_owned()), link("b", "a")]).unwrap();
}

#[test]
fn a_list_with_verification_reads_every_byte() {
    let folder = tempfile::tempdir().unwrap();
    let definition = tarball(folder.path(), "", None);
    let cache_folder = folder.path().join("cache");
    let cache = Cache::open(&cache_folder).unwrap();
    let root = cache.ensure(&definition, &Quiet).unwrap();
    let pack = pack_of(&cache_folder, &root);
    let modified = std::fs::metadata(&pack).unwrap().modified().unwrap();
    let mut bytes = std::fs::read(&pack).unwrap();
    bytes[1] ^= 1;
    std::fs::write(&pack, bytes).unwrap();
    // a rotten bit does not change the time
    std::fs::File::open(&pack).unwrap().set_modified(modified).unwrap();
    assert!(cache.list(false).unwrap()[0].damage.is_none());
    assert!(cache.list(true).unwrap()[0].damage.is_some());
}

#[test]
fn pruning_keeps_the_newest_of_each_definition_and_what_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(folder.path().join("cache")).unwrap();
    let old = cache.ensure(&tarball(folder.path(), "", None), &Quiet).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    let mut tree = old.tree.clone();
    tree.put_file("/etc/new", 0o644, old.time, "new").unwrap();
    tar::write(&tree, std::fs::File::create(folder.path().join("root.tar")).unwrap()).unwrap();
    let sum = Digest::of(std::fs::read(folder.path().join("root.tar")).unwrap());
    let definition = write_tarball_definition(folder.path(), "root.tar", sum);
    let new = cache.ensure(&definition, &Quiet).unwrap();

    let pruned = cache.prune().unwrap();
    assert_eq!((pruned.removed.len(), pruned.in_use.len()), (0, 1));
    let old_digest = old.digest;
    drop(old);
    // another test that is just starting a program holds a copy of our lock until that program runs
    let removed = (0..100).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        cache.prune().unwrap().removed.pop()
    });
    assert_eq!(removed.unwrap().digest, old_digest);
    assert_eq!(cache.list(true).unwrap()[0].digest, new.digest);
}

#[test]
fn a_layer_that_asks_for_nothing_is_its_parent_and_a_wrong_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let definition = tarball(folder.path(), "", None);
    let cache = Cache::open(folder.path().join("cache")).unwrap();
    let root = cache.ensure(&definition, &Quiet).unwrap();
    let empty = LayerSpec { name: "site".into(), ..LayerSpec::default() };
    assert_eq!(cache.ensure_layer(root.clone(), &empty, &Quiet).unwrap().digest, root.digest);
    for packages in [vec!["-o".to_owned()], vec!["a b".into()], vec!["nginx".into()]] {
        let spec = LayerSpec { name: "site".into(), packages, ..LayerSpec::default() };
        assert!(cache.ensure_layer(root.clone(), &spec, &Quiet).is_err());
    }
}

#[test]
fn what_a_killed_build_left_is_removed_by_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let definition = tarball(folder.path(), "", None);
    let cache = Cache::open(folder.path().join("cache")).unwrap();
    let tmp = folder.path().join("cache/base/tmp");
    // the folder itself is locked, so a maker that is killed before it writes anything leaves
    // nothing either
    let [dead, alive] = [".dead.slipway-new", ".alive.slipway-new"].map(|name| {
        std::fs::create_dir_all(tmp.join(name).join("entry")).unwrap();
        std::fs::File::open(tmp.join(name)).unwrap()
    });
    drop(dead);
    alive.lock().unwrap();
    cache.ensure(&definition, &Quiet).unwrap();
    let left: Vec<_> = std::fs::read_dir(&tmp).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(left, [".alive.slipway-new"]);
}

#[test]
fn builds_that_run_together_make_a_root_once() {
    let folder = tempfile::tempdir().unwrap();
    let definition = tarball(folder.path(), "", None);
    let fetches = Fetches::default();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let cache = Cache::open(folder.path().join("cache")).unwrap();
                cache.ensure(&definition, &fetches).unwrap();
            });
        }
    });
    assert_eq!(fetches.0.into_inner(), 1);
}

/// Counts how often a root is really made.
#[derive(Default)]
struct Fetches(std::sync::atomic::AtomicUsize);

impl Progress for Fetches {
    fn step(&self, name: &str, _: Option<u64>) {
        let count = usize::from(name == "fetching the root archive");
        self.0.fetch_add(count, std::sync::atomic::Ordering::Relaxed);
    }

    fn advance(&self, _: u64) {}

    fn note(&self, _: &str) {}
}

fn noble(archive: &Archive, mirrors: &[&str], keyring: &Path, folder: &Path) -> Definition {
    let shipped = std::fs::read_to_string("images/ubuntu-24.04.toml").unwrap();
    let mut mirror_lists = 0;
    let lines: Vec<String> = shipped
        .lines()
        .map(|line| {
            if line.starts_with("mirrors = ") {
                mirror_lists += 1;
                format!("mirrors = {mirrors:?}")
            } else if line.starts_with("file = ") {
                format!("file = {:?}", keyring.display().to_string())
            } else {
                line.to_owned()
            }
        })
        .collect();
    assert_eq!(mirror_lists, 2, "the shipped definition has two archives");
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("ubuntu-24.04.toml"), lines.join("\n")).unwrap();
    let definition = Definition::find(folder, "ubuntu-24.04").unwrap();
    archive.require(&definition.all_packages());
    definition
}

/// One test, because making the archive and the base takes most of the time.
#[test]
fn the_shipped_ubuntu_definition_builds_from_a_signed_archive_with_ubuntus_names() {
    let folder = tempfile::tempdir().unwrap();
    let shipped = Definition::find("images", "ubuntu-24.04").unwrap();
    let archive = Archive::make(folder.path(), &shipped.all_packages());
    let cache = Cache::open(folder.path().join("cache")).unwrap();
    let definitions = folder.path().join("images");

    // signed, but not by a key that we trust
    let mirror = archive.url();
    let definition = noble(&archive, &[&mirror], &archive.other_keyring(), &definitions);
    let error = cache.ensure(&definition, &Quiet).unwrap_err();
    assert_eq!(error.kind(), Kind::Refused, "{error}");
    assert!(error.to_string().contains("is not signed by a key in"), "{error}");

    // no mirror at all
    let dead = "http://127.0.0.1:9/ubuntu";
    let definition = noble(&archive, &[dead], &archive.keyring(), &definitions);
    let error = cache.ensure(&definition, &Quiet).unwrap_err();
    assert_eq!((error.kind(), error.find_remedy().is_some()), (Kind::Network, true), "{error}");

    // the first mirror is dead, the second answers
    let definition = noble(&archive, &[dead, &mirror], &archive.keyring(), &definitions);
    let root = cache.ensure(&definition, &Quiet).unwrap();
    check_base(&root, dead);
    check_layers(&cache, &root);
    check_pinned(&cache, &root, folder.path());
}

/// The same root as a pinned archive without GRUB's image: the image is made, and nothing else is
/// touched.
fn check_pinned(cache: &Cache, root: &Root, folder: &Path) {
    let mut tree = root.tree.clone();
    tree.remove_all(&TreePath::new(b"usr/lib/slipway").unwrap());
    tar::write(&tree, std::fs::File::create(folder.join("root.tar")).unwrap()).unwrap();
    let sum = Digest::of(std::fs::read(folder.join("root.tar")).unwrap());
    let definition = write_tarball_definition(folder, "root.tar", sum);
    // its time must not be earlier than anything in it
    let text = std::fs::read_to_string(folder.join("x.toml")).unwrap();
    std::fs::write(folder.join("x.toml"), text.replace("2026-01-01", "2026-06-02")).unwrap();
    let definition = Definition::find(folder, &definition.name).unwrap();
    let pinned = cache.ensure(&definition, &Quiet).unwrap();
    assert!(pinned.tree.file("usr/lib/slipway/boot/core.img").is_some());
    let kept = |(path, entry): &(&TreePath, &Entry)| {
        let before = root.tree.get(path).map(|before| (before.meta.mode, before.length()));
        before == Some((entry.meta.mode, entry.length()))
    };
    let other: Vec<String> =
        pinned.tree.iter().filter(|pair| !kept(pair)).map(|(path, _)| path.to_string()).collect();
    assert!(other.is_empty(), "{other:?}");
    assert_eq!(pinned.tree.len(), root.tree.len());
}

fn check_base(root: &Root, first_mirror: &str) {
    let has = |name: &str| root.packages.iter().any(|package| package.name == name);
    for name in ["linux-image-generic", "shim-signed", "grub-efi-amd64-signed", "puppet-agent"] {
        assert!(has(name), "{name} is not recorded");
    }
    let sources = text(root, "etc/apt/sources.list");
    let first = format!("{first_mirror} noble main universe");
    assert!(sources.lines().next().unwrap().ends_with(&first), "{sources}");
    assert_eq!(sources.lines().count(), 3, "{sources}");
    assert_eq!(text(root, "usr/lib/slipway/boot/core.img"), "core (,gpt3)/boot/grub\n");
    assert_eq!(text(root, "etc/machine-id"), "uninitialized\n");
    // the archive's date, which the test set
    assert_eq!(root.time, Timestamp::from_seconds(archive::DATE));
    assert!(root.tree.iter().all(|(_, entry)| entry.meta.mtime <= root.time));
    for absent in ["etc/hostname", "var/lib/apt/lists/lock", "etc/apt/apt.conf.d/99mmdebstrap"] {
        assert!(root.tree.get(absent).is_none(), "{absent}");
    }
    assert!(root.tree.get("usr/share/doc/less/changelog").is_none());
    assert!(root.tree.get("usr/share/doc/less/copyright").is_some());
}

fn check_layers(cache: &Cache, root: &Root) {
    let spec = LayerSpec {
        name: "site".into(),
        packages: vec!["slipway-extra".into()],
        files: vec![("/etc/extra.conf".into(), 0o640, b"asked = yes\n".to_vec())],
        script: Some("cp /etc/extra.conf /etc/seen; ! ip route get 192.0.2.1 2>/dev/null".into()),
    };
    let layered = cache.ensure_layer(root.clone(), &spec, &Quiet).unwrap();
    assert_eq!(layered.packs.len(), 2);
    assert_eq!(layered.packs[0], root.packs[0]);
    assert!(layered.packs[1].length() < 4 << 20, "{}", layered.packs[1].length());
    assert_eq!(text(&layered, "etc/seen"), "asked = yes\n");
    assert_eq!(text(&layered, "etc/extra-saw"), "asked = yes\n");
    // its service must not start: while an image is made, nothing may listen or create files
    assert!(layered.tree.get("etc/extra-started").is_none());
    // slipway-extra conflicts with less: the files that it removed are absent
    assert!(root.tree.get("usr/share/doc/less/copyright").is_some());
    assert!(layered.tree.get("usr/share/doc/less/copyright").is_none());
    assert!(!layered.packages.iter().any(|package| package.name == "less"));
    // everything else is exactly the parent's entry
    let changed: Vec<String> = layered
        .tree
        .iter()
        .filter(|(path, entry)| root.tree.get(path).is_some_and(|before| before != *entry))
        .map(|(path, _)| path.to_string())
        .collect();
    assert!(changed.len() < 12, "{changed:?}");
    assert!(matches!(layered.tree.get("dev/null").unwrap().node, Node::CharDevice { .. }));

    assert_eq!(
        cache.find_layer(root.clone(), &spec, &Quiet).unwrap().unwrap().digest,
        layered.digest
    );
    let missing = LayerSpec { packages: vec!["slipway-extar".into()], ..spec.clone() };
    let error: Error = cache.ensure_layer(root.clone(), &missing, &Quiet).unwrap_err();
    assert_eq!(error.kind(), Kind::Input, "{error}");
    // the archives' index is enough: nothing was run for this
    assert_eq!(error.find_remedy(), Some("did you mean \"slipway-extra\"?"), "{error}");
    check_secrets_are_refused(cache, root);
}

fn check_secrets_are_refused(cache: &Cache, root: &Root) {
    let script = "umask 077; printf -- '-----BEGIN PRIVATE KEY-----\\n' > /etc/leaked.key";
    let spec =
        LayerSpec { name: "leak".into(), script: Some(script.into()), ..LayerSpec::default() };
    let error = cache.ensure_layer(root.clone(), &spec, &Quiet).unwrap_err();
    assert!(error.to_string().contains("/etc/leaked.key: a private key"), "{error}");
}
