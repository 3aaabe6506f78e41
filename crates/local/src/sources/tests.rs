//! What is a change, and what is none.

use std::time::Duration;

use trunkline_model::service::Watch;

use super::*;

fn process(directory: &Path, ignore: &[&str]) -> Process {
    Process {
        command: "node server.js".to_owned(),
        build: None,
        watch: Watch {
            when: When::Useful,
            paths: vec![directory.to_owned()],
            ignore: ignore.iter().map(|pattern| (*pattern).to_owned()).collect(),
            dependants: false,
        },
        directory: directory.to_owned(),
        port: None,
        env: Vec::new(),
        language: None,
        start_timeout: Duration::ZERO,
        stop_timeout: Duration::ZERO,
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn names(look: &Look) -> Vec<String> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    look.changed.iter().map(name).collect()
}

#[test]
fn other_contents_a_new_file_and_a_removed_one_are_changes() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(at, "a.js", "1");
    write(at, "b.js", "1");
    let mut sources = Sources::of(&process(at, &[]), &[]).unwrap();
    assert_eq!(names(&sources.look()), [""; 0], "the first look knows no former one");
    write(at, "a.js", "2");
    write(at, "deep/c.js", "1");
    fs::remove_file(at.join("b.js")).unwrap();
    let look = sources.look();
    assert_eq!(names(&look), ["a.js", "b.js", "c.js"]);
    assert!(look.folders.contains(&at.join("deep")));
}

#[test]
fn a_touch_and_the_former_text_are_no_changes() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(at, "a.js", "1");
    let mut sources = Sources::of(&process(at, &[]), &[]).unwrap();
    let first = sources.look();
    fs::File::open(at.join("a.js")).unwrap().set_modified(std::time::SystemTime::now()).unwrap();
    assert_eq!(names(&sources.look()), [""; 0]);
    write(at, "a.js", "2");
    assert_ne!(sources.look().fingerprint, first.fingerprint);
    write(at, "a.js", "1");
    let back = sources.look();
    assert_eq!((names(&back), back.fingerprint), (vec!["a.js".to_owned()], first.fingerprint));
}

#[test]
fn a_text_of_the_same_length_is_a_change_however_soon_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(at, "a.js", "0");
    let mut sources = Sources::of(&process(at, &[]), &[]).unwrap();
    sources.look();
    for round in 1..200 {
        write(at, "a.js", if round % 2 == 0 { "0" } else { "1" });
        assert_eq!(names(&sources.look()), ["a.js"], "{round}");
    }
}

#[test]
fn a_file_from_the_future_is_no_trouble() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(at, "a.js", "1");
    let mut sources = Sources::of(&process(at, &[]), &[]).unwrap();
    let far = std::time::SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 365 * 200);
    fs::File::open(at.join("a.js")).unwrap().set_modified(far).unwrap();
    sources.look();
    write(at, "a.js", "2");
    assert_eq!(names(&sources.look()), ["a.js"]);
}

#[test]
fn folders_count_like_files_against_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b/c/d", "e"] {
        fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    let mut sources = Sources::of(&process(folder.path(), &[]), &[]).unwrap();
    for (most, too_many) in [(3, true), (6, false)] {
        sources.most = most;
        let look = sources.look();
        assert_eq!((look.too_many, look.folders.len()), (too_many, most));
    }
}

#[test]
fn what_is_no_source_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(at, ".gitignore", "secret.txt\n/made/\n");
    write(at, "api/main.go", "1");
    let mut sources =
        Sources::of(&process(at, &["*.md", "/fixtures/"]), &[at.join("other")]).unwrap();
    sources.look();
    for name in [
        "secret.txt",
        "made/a",
        "node_modules/x/index.js",
        "api/target/x",
        "api/vendor/a.go",
        "dist/a.js",
        "data/shop.json",
        "app.db",
        ".git/index",
        ".trunkline/state",
        "api/.main.go.swp",
        "README.md",
        "fixtures/a",
        "other/main.go",
    ] {
        write(at, name, "2");
    }
    assert_eq!(names(&sources.look()), [""; 0]);
    // The same words elsewhere, and what looks like them, are sources.
    for name in ["api/data/rows.go", "api/fixtures/a", "builder.go"] {
        write(at, name, "2");
    }
    assert_eq!(names(&sources.look()), ["rows.go", "a", "builder.go"]);
}

#[test]
fn what_reloads_by_itself_is_not_watched_unless_asked() {
    let mut process = process(Path::new("/nowhere"), &[]);
    process.command = "vite".to_owned();
    assert!(Sources::of(&process, &[]).is_none());
    process.watch.when = When::Always;
    assert!(Sources::of(&process, &[]).is_some());
    process.watch.when = When::Never;
    assert!(Sources::of(&process, &[]).is_none());
}
