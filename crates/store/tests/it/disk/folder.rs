//! The real folder.

use std::io::{ErrorKind, Write};
use std::path::Path;

use trunkline_store::disk::{Disk, Folder, FolderError, Writer};

#[test]
fn a_folder_is_open_once_and_the_error_names_the_holder() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("a/b/store");
    let folder = Folder::open(&root).unwrap();
    match Folder::open(&root) {
        Err(error @ FolderError::InUse { .. }) => {
            let expected = format!("is in use by process {}", std::process::id());
            assert!(error.to_string().ends_with(&expected), "{error}");
        }
        other => panic!("{other:?}"),
    }
    drop(folder);
    drop(Folder::open(&root).unwrap());
}

#[test]
fn a_folder_that_is_in_use_can_be_looked_at_and_not_changed() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path()).unwrap();
    let name = Path::new("name");
    folder.create(name).unwrap().write_at(0, b"text").unwrap();
    let look = Folder::look(place.path()).unwrap();
    assert_eq!(look.list(Path::new("")).unwrap(), ["name"]);
    let file = look.open(name).unwrap();
    let mut bytes = [0; 8];
    assert_eq!(file.read_at(1, &mut bytes).unwrap(), 3);
    assert_eq!(bytes[..3], *b"ext");
    assert!(file.write_at(0, b"more").is_err());
    for result in [
        look.create(Path::new("other")).map(drop),
        look.remove(name),
        look.rename(name, Path::new("other")),
        look.create_folder(Path::new("other")),
    ] {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::ReadOnlyFilesystem);
    }
    assert!(Folder::look(place.path().join("missing")).is_err());
}

#[test]
fn no_path_leads_out_of_the_folder() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path().join("store")).unwrap();
    for path in ["../outside", "/tmp/outside", "a/../../outside"] {
        let error = folder.create(Path::new(path)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{path}");
    }
}

#[test]
fn files_are_private_to_their_user() {
    use std::os::unix::fs::PermissionsExt;
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path()).unwrap();
    folder.create(Path::new("name")).unwrap();
    for name in ["name", "lock"] {
        let mode = std::fs::metadata(place.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn names_are_made_changed_and_removed() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path()).unwrap();
    let (a, b) = (Path::new("in/side/a"), Path::new("in/side/b"));
    assert_eq!(folder.create(a).unwrap_err().kind(), ErrorKind::NotFound);
    folder.create_folder(Path::new("in/side")).unwrap();
    folder.create(a).unwrap();
    assert_eq!(folder.create(a).unwrap_err().kind(), ErrorKind::AlreadyExists);
    folder.rename(a, b).unwrap();
    folder.sync_folder(Path::new("in/side")).unwrap();
    assert_eq!(folder.list(Path::new("in/side")).unwrap(), ["b"]);
    folder.remove(b).unwrap();
    assert_eq!(folder.open(b).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(folder.free_bytes().unwrap() > 0);
}

#[test]
fn a_writer_writes_what_it_is_given_in_pieces_of_any_size() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path()).unwrap();
    let mut writer = Writer::new(folder.create(Path::new("name")).unwrap());
    let mut expected = Vec::new();
    for (index, length) in [10, 0, 300_000, 5, 100_000, 200_000, 1].into_iter().enumerate() {
        let piece = vec![u8::try_from(index).unwrap(); length];
        writer.write_all(&piece).unwrap();
        expected.extend(piece);
        assert_eq!(writer.position(), expected.len() as u64);
    }
    let file = writer.finish().unwrap();
    let mut bytes = vec![0; expected.len()];
    file.read_exact_at(0, &mut bytes).unwrap();
    assert!(bytes == expected);
    assert_eq!(file.read_exact_at(1, &mut bytes).unwrap_err().kind(), ErrorKind::UnexpectedEof);
}
