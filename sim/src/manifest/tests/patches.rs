//! Patches: what they change, and what they cannot.

use super::{manifests, model};
use crate::manifest::{Manifests, Operation, Patch};

const NOTES: &str = "Deployment/notes";

fn said(patch: Patch) -> String {
    match manifests().apply(&[patch]) {
        Ok(_) => "nothing".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn edit(object: &'static str, operations: &[Operation]) -> Patch {
    Patch::Edit {
        object: object.into(),
        operations: operations.to_vec().into(),
    }
}

#[test]
fn operations_change_an_object_in_their_order() {
    const OPERATIONS: &[Operation] = &[
        Operation::test("/spec/replicas", "2"),
        Operation::replace("/spec/replicas", "3"),
        Operation::remove("/spec/template/spec/containers/0/readinessProbe"),
        Operation::add(
            "/spec/template/metadata/annotations",
            r#"{"kubectl.kubernetes.io/restartedAt": "1"}"#,
        ),
        Operation::add(
            "/spec/template/spec/containers/0/env/-",
            r#"{"name": "MORE", "value": "yes"}"#,
        ),
    ];
    let patched = manifests()
        .apply(&[Patch::edit(NOTES, OPERATIONS)])
        .unwrap();
    let notes = &patched.objects(&model()).unwrap().deployments["notes"];
    assert_eq!(notes.replicas, 3);
    assert_eq!(notes.template.container.probes.readiness, None);
    assert_eq!(
        notes.template.annotations["kubectl.kubernetes.io/restartedAt"],
        "1"
    );
    assert_eq!(notes.template.container.env.len(), 4);
    // What they were made from is as it was.
    assert_eq!(
        manifests().objects(&model()).unwrap().deployments["notes"].replicas,
        2
    );
}

#[test]
fn objects_are_created_and_deleted() {
    let created = "{apiVersion: v1, kind: ConfigMap, metadata: {name: more}, data: {a: b}}";
    let patches = [
        Patch::create(created),
        Patch::delete("VirtualService/notes"),
    ];
    let objects = manifests()
        .apply(&patches)
        .unwrap()
        .objects(&model())
        .unwrap();
    assert_eq!(objects.config_maps["more"]["a"], "b");
    assert!(objects.virtual_services.is_empty());
    assert_eq!(
        said(Patch::create(
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}}"
        )),
        "a patch: document 1 (ConfigMap/settings): metadata.name: the name is taken by rest.yaml: \
         document 1 (ConfigMap/settings)"
    );
}

/// A container that refers to it cannot start: that is then the experiment.
#[test]
fn a_patched_set_may_lack_what_its_containers_refer_to() {
    let patched = manifests()
        .apply(&[Patch::delete("Secret/secret")])
        .unwrap();
    assert!(patched.objects(&model()).unwrap().secrets.is_empty());
    // A Service in front of nothing has no meaning all the same.
    let patched = manifests().apply(&[Patch::delete(NOTES)]).unwrap();
    assert!(patched.objects(&model()).is_err());
}

#[test]
fn a_patch_that_does_not_fit_says_why() {
    let only = "only Deployment/notes, Service/notes, ConfigMap/settings, Secret/secret, \
                PersistentVolumeClaim/files, HorizontalPodAutoscaler/notes, \
                PodDisruptionBudget/notes, StatefulSet/notes-store, DestinationRule/notes, \
                VirtualService/notes";
    let table = [
        (
            edit("Deployment/note", &[]),
            format!("the patch of Deployment/note: there is no such object, {only}"),
        ),
        (
            Patch::delete("Secret/more"),
            format!("the patch of Secret/more: there is no such object, {only}"),
        ),
        (
            edit(NOTES, &[Operation::remove("/spec/paused")]),
            "the patch of Deployment/notes: remove /spec/paused: there is no such path".to_owned(),
        ),
        (
            edit(NOTES, &[Operation::add("/spec/a/b", "1")]),
            "the patch of Deployment/notes: add /spec/a/b: there is no such path".to_owned(),
        ),
        (
            edit(NOTES, &[Operation::replace("spec", "1")]),
            "the patch of Deployment/notes: replace spec: no JSON pointer".to_owned(),
        ),
        (
            edit(
                NOTES,
                &[Operation::replace("/spec/strategy/type", "Recreate")],
            ),
            "the patch of Deployment/notes: replace /spec/strategy/type: Recreate is no JSON; \
             texts need their quotes"
                .to_owned(),
        ),
        (
            edit(NOTES, &[Operation::test("/spec/replicas", "1")]),
            "the patch of Deployment/notes: test /spec/replicas: 2 is there".to_owned(),
        ),
        (
            edit(NOTES, &[Operation::replace("/metadata/name", "\"other\"")]),
            "the patch of Deployment/notes: replace /metadata/name: this would make it another \
             object: delete and create instead"
                .to_owned(),
        ),
    ];
    for (patch, expected) in table {
        assert_eq!(said(patch), expected);
    }
}

#[test]
fn what_a_patch_writes_is_checked_as_strictly_as_what_a_file_says() {
    let patch = edit(NOTES, &[Operation::add("/spec/replica", "1")]);
    let error = manifests()
        .apply(&[patch])
        .unwrap()
        .objects(&model())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "notes.yaml: document 1 (Deployment/notes): spec.replica: not a field that is modelled; \
         did you mean replicas?"
    );
}

#[test]
fn a_patch_is_data() {
    const REMOVE: &[Operation] = &[Operation::remove("/spec/paused")];
    let patches = vec![
        Patch::edit(NOTES, REMOVE),
        Patch::create("kind: Secret"),
        Patch::delete(NOTES),
    ];
    let text = serde_json::to_string(&patches).unwrap();
    assert_eq!(
        text,
        concat!(
            r#"[{"edit":{"object":"Deployment/notes","#,
            r#""operations":[{"op":"remove","path":"/spec/paused"}]}},"#,
            r#"{"create":{"yaml":"kind: Secret"}},"#,
            r#"{"delete":{"object":"Deployment/notes"}}]"#
        )
    );
    assert_eq!(serde_json::from_str::<Vec<Patch>>(&text).unwrap(), patches);
    let none: &[Patch] = &[];
    let same: Manifests = manifests().apply(none).unwrap();
    assert_eq!(same, manifests());
}
