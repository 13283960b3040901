//! Reading a folder.

use std::fs;

use super::{MESH, MODEL, NOTES, REST, model, objects};
use crate::manifest::Manifests;

#[test]
fn a_folder_is_read_without_its_model() {
    let folder = tempfile::tempdir().unwrap();
    let said = || Manifests::read_dir(folder.path()).unwrap_err().to_string();
    let path = folder.path().display();
    assert_eq!(
        said(),
        format!("{path}: no *.yaml or *.yml file in this folder")
    );
    for (file, text) in [
        ("c-notes.yaml", NOTES),
        ("b-rest.yml", REST),
        ("a-mesh.yaml", MESH),
        ("model.yaml", MODEL),
        ("notes.txt", "no YAML: ["),
    ] {
        fs::write(folder.path().join(file), text).unwrap();
    }
    let manifests = Manifests::read_dir(folder.path()).unwrap();
    assert_eq!(manifests.names().next().unwrap(), "DestinationRule/notes");
    assert_eq!(manifests.objects(&model()).unwrap(), objects());

    fs::write(folder.path().join("broken.yaml"), [0xff]).unwrap();
    let broken = "broken.yaml: stream did not contain valid UTF-8";
    assert!(said().ends_with(broken), "{}", said());
    drop(fs::remove_dir_all(folder.path()));
    assert_eq!(
        said(),
        format!("{path}: No such file or directory (os error 2)")
    );
}
