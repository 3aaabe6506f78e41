use super::*;

fn card(directory: &Path) -> Card {
    Card {
        schema: 1,
        pid: std::process::id(),
        verb: "up".into(),
        project: "shop".into(),
        directory: directory.to_owned(),
        config: directory.join("trunkline.yaml"),
        version: "0".into(),
    }
}

#[test]
fn one_file_has_one_run_at_a_time() {
    let base = tempfile::tempdir().unwrap();
    let config = base.path().join("shop/trunkline.yaml");
    let run = Run::claim(base.path(), &config).unwrap();
    run.publish(&card(base.path())).unwrap();
    let Err(ClaimError::Held(Some(holder))) = Run::claim(base.path(), &config) else {
        panic!("the second run took the folder of the first")
    };
    assert_eq!(holder.pid, std::process::id());
    drop(run);
    assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 0, "nothing is left behind");
    Run::claim(base.path(), &config).unwrap();
}

#[test]
fn a_handed_over_lock_keeps_the_folder() {
    let base = tempfile::tempdir().unwrap();
    let config = base.path().join("trunkline.yaml");
    let mut old = Run::claim(base.path(), &config).unwrap();
    let lock = old.lock().try_clone_to_owned().unwrap();
    let mut new = Run::adopt(base.path(), &config, lock);
    new.take_over();
    old.hand_over();
    drop(old);
    assert!(matches!(Run::claim(base.path(), &config), Err(ClaimError::Held(_))));
    drop(new);
    Run::claim(base.path(), &config).unwrap();
}

#[test]
fn an_upgrade_that_fails_leaves_the_folder_to_its_owner() {
    let base = tempfile::tempdir().unwrap();
    let config = base.path().join("trunkline.yaml");
    let old = Run::claim(base.path(), &config).unwrap();
    old.publish(&card(base.path())).unwrap();
    let lock = old.lock().try_clone_to_owned().unwrap();
    drop(Run::adopt(base.path(), &config, lock));
    let Err(ClaimError::Held(Some(holder))) = Run::claim(base.path(), &config) else {
        panic!("the folder was given up")
    };
    assert_eq!(holder.pid, std::process::id());
}

#[test]
fn a_verb_means_the_nearest_run_above_its_folder() {
    let base = tempfile::tempdir().unwrap();
    let shop = std::fs::canonicalize(base.path()).unwrap().join("shop");
    std::fs::create_dir_all(shop.join("apps/web")).unwrap();
    let runs = base.path().join("runs");
    assert_eq!(find(&runs, &shop).unwrap_err().exit, crate::exit::Exit::NotRunning);
    let run = Run::claim(&runs, &shop.join("trunkline.yaml")).unwrap();
    run.publish(&card(&shop)).unwrap();
    assert_eq!(find(&runs, &shop.join("apps/web")).unwrap().card.project, "shop");
    let elsewhere = find(&runs, base.path()).unwrap_err();
    assert!(elsewhere.hint.unwrap().contains("`shop` (-C "));
}
