//! Opening: one owner, one engine, one format; and one clear sentence where that does not hold.

use crate::fixture::{Fixture, small};
use kstreams::engine::{EngineKind, SharedEngine, open};
use kstreams::error::{Error, ErrorKind};
use std::fs;

fn durable() -> impl Iterator<Item = EngineKind> {
    EngineKind::ALL.into_iter().filter(|kind| kind.is_built() && *kind != EngineKind::Memory)
}

fn refused(opened: Result<SharedEngine, Error>) -> Error {
    opened.err().expect("opening is refused")
}

#[test]
fn second_owner_of_a_directory_is_refused_until_the_first_is_gone() {
    for kind in durable() {
        let fixture = Fixture::new(kind);
        let error = refused(open(kind, fixture.path(), &small()));
        assert_eq!(error.kind(), ErrorKind::InUse);
        assert_eq!(error.message(), format!("directory `{}` is in use by another instance", fixture.path().display()));
        let snapshot = fixture.engine().snapshot();
        let path = fixture.path().to_owned();
        let dir = fixture.close();
        assert_eq!(refused(open(kind, &path, &small())).kind(), ErrorKind::InUse, "a snapshot keeps the engine open");
        drop(snapshot);
        open(kind, &path, &small()).unwrap();
        drop(dir);
    }
}

#[test]
fn directory_of_another_engine_is_refused() {
    let kinds: Vec<EngineKind> = durable().collect();
    let [one, other] = kinds[..] else { return };
    for (written, asked) in [(one, other), (other, one)] {
        let fixture = Fixture::new(written);
        let path = fixture.path().to_owned();
        let dir = fixture.close();
        let error = refused(open(asked, &path, &small()));
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().ends_with(&format!("was written by engine `{written}`, not by `{asked}`")), "{error}");
        assert!(error.hint().unwrap().contains(&format!("`{written}`")));
        open(written, &path, &small()).unwrap();
        drop(dir);
    }
}

#[test]
fn unknown_formats_are_refused() {
    for kind in durable() {
        for text in ["kstreams-engine 2 fjall\n", "kstreams-engine 2 rocksdb\n", "", "something else\n", "\u{0}"] {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join("engine.format"), text).unwrap();
            let error = refused(open(kind, dir.path(), &small()));
            assert_eq!(error.kind(), ErrorKind::Config);
            assert_eq!(error.message(), format!("directory `{}` has an unknown format", dir.path().display()));
            assert!(!dir.path().join("data").exists(), "a refused directory stays as it is");
        }
    }
}

#[test]
fn data_without_a_format_file_is_refused() {
    for kind in durable() {
        let fixture = Fixture::new(kind);
        let path = fixture.path().to_owned();
        let dir = fixture.close();
        fs::remove_file(path.join("engine.format")).unwrap();
        assert_eq!(refused(open(kind, &path, &small())).detail(), Some("`engine.format` is missing"));
        drop(dir);
    }
}

#[test]
fn crash_before_the_format_was_written_leaves_a_new_directory() {
    for kind in durable() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("engine.lock"), "").unwrap();
        fs::write(dir.path().join("engine.format.new"), "kstreams-eng").unwrap();
        open(kind, dir.path(), &small()).unwrap();
    }
}

#[test]
fn creation_that_a_crash_cut_short_is_begun_again() {
    for kind in durable() {
        let dir = tempfile::tempdir().unwrap();
        drop(open(kind, dir.path(), &small()).unwrap());
        fs::remove_dir_all(dir.path().join("data")).unwrap();
        fs::create_dir(dir.path().join("data.new")).unwrap();
        fs::write(dir.path().join("data.new/0.jnl"), b"half").unwrap();
        for _ in 0..2 {
            open(kind, dir.path(), &small()).unwrap().space("a").unwrap();
        }
    }
}

#[test]
fn directory_that_cannot_be_made_is_one_clear_sentence() {
    for kind in durable() {
        let dir = tempfile::tempdir().unwrap();
        // A file in the way refuses everybody, also the superuser, whom permissions do not stop.
        let path = dir.path().join("file/below");
        fs::write(dir.path().join("file"), "").unwrap();
        let error = refused(open(kind, &path, &small()));
        assert_eq!(error.kind(), ErrorKind::Io);
        assert_eq!(error.message(), format!("directory `{}` cannot be used", path.display()));
    }
}

#[test]
fn engine_that_is_not_built_in_names_its_feature() {
    for kind in EngineKind::ALL.into_iter().filter(|kind| !kind.is_built()) {
        let error = refused(open(kind, "unused".as_ref(), &small()));
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(error.hint(), Some(format!("build it with the cargo feature `{kind}`").as_str()));
    }
}

#[test]
fn names_of_engines_read_back() {
    for kind in EngineKind::ALL {
        assert_eq!(kind.name().parse::<EngineKind>().unwrap(), kind);
    }
    assert_eq!("leveldb".parse::<EngineKind>().unwrap_err().kind(), ErrorKind::Config);
}
