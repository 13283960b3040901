//! What is no set of manifests at all, or one that does not hang together.

use super::{MESH, MODEL, NOTES, REST, assert_errors, manifests, model};
use crate::{
    manifest::{ManifestError, Manifests},
    model::Model,
};

fn read(text: &str) -> String {
    match Manifests::read(&[("a.yaml", text)]) {
        Ok(_) => "nothing".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_is_no_object_is_refused_with_its_line_or_its_document() {
    let table = [
        ("", "a.yaml: no document"),
        ("---\n# nothing\n---\n", "a.yaml: no document"),
        (
            "kind: Service\nkind: Secret\n",
            "a.yaml: line 2: duplicate mapping key: kind",
        ),
        ("a: [1\nb: 2\n", "a.yaml: line 2: "),
        ("- 1\n", "a.yaml: document 1: apiVersion: missing"),
        (
            "apiVersion: v1\nkind: 7\n",
            "a.yaml: document 1: kind: 7, expected a text",
        ),
        (
            "{apiVersion: v1, kind: Service}\n",
            "a.yaml: document 1: metadata.name: missing",
        ),
        (
            "{apiVersion: v1, kind: Secret, metadata: {name: a}}\n---\n\
             {apiVersion: v1, kind: Secret, metadata: {name: Upper_Case}}\n",
            "a.yaml: document 2: metadata.name: \"Upper_Case\", expected lower-case letters, \
             digits, '-' and '.'",
        ),
        (
            "{apiVersion: extensions/v1beta1, kind: Deployment, metadata: {name: a}}\n",
            "a.yaml: document 1: apiVersion: \"extensions/v1beta1\", expected apps/v1 for a \
             Deployment",
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: a}}\n",
            "a.yaml: document 1: kind: \"Pod\" is not modelled, only Deployment, StatefulSet, \
             Service, HorizontalPodAutoscaler, ConfigMap, Secret, PersistentVolumeClaim, \
             PodDisruptionBudget, DestinationRule, VirtualService",
        ),
    ];
    for (text, expected) in table {
        let said = read(text);
        assert!(said.starts_with(expected), "{text:?}: {said}");
    }
}

#[test]
fn a_name_is_given_once() {
    let files = [("a.yaml", NOTES), ("b.yaml", NOTES)];
    assert_eq!(
        Manifests::read(&files).unwrap_err().to_string(),
        "b.yaml: document 1 (Deployment/notes): metadata.name: the name is taken by a.yaml: \
         document 1 (Deployment/notes)"
    );
}

#[test]
fn what_is_referred_to_has_to_be_there() {
    let deployment = "notes.yaml: document 1 (Deployment/notes): spec.template.spec";
    let container = format!("{deployment}.containers[0]");
    assert_errors(&[
        (
            "{name: settings}}]",
            "{name: setings}}]",
            &format!("{container}.envFrom[0].configMapRef.name: there is no ConfigMap \"setings\""),
        ),
        (
            "{name: secret, key",
            "{name: secrets, key",
            &format!(
                "{container}.env[1].valueFrom.secretKeyRef.name: there is no Secret \"secrets\""
            ),
        ),
        (
            "key: password",
            "key: word",
            &format!(
                "{container}.env[1].valueFrom.secretKeyRef.key: there is no key \"word\" in it"
            ),
        ),
        (
            "claimName: files",
            "claimName: file",
            &format!(
                "{deployment}.volumes[0].persistentVolumeClaim.claimName: there is no \
                 PersistentVolumeClaim \"file\""
            ),
        ),
        (
            "mountPath: /files",
            "mountPath: /files}, {name: more, mountPath: /more",
            &format!("{container}.volumeMounts[1].name: no volume is called \"more\""),
        ),
        (
            "kind: Deployment, name: notes}",
            "kind: Deployment, name: note}",
            "rest.yaml: document 4 (HorizontalPodAutoscaler/notes): spec.scaleTargetRef.name: \
             there is no Deployment \"note\"",
        ),
        (
            "selector: {app: notes}",
            "selector: {app: note}",
            "notes.yaml: document 2 (Service/notes): spec.selector: no Deployment or StatefulSet \
             has pods labelled {\"app\": \"note\"}",
        ),
        (
            "selector: {matchLabels: {app: notes}}}",
            "selector: {matchLabels: {app: note}}}",
            "rest.yaml: document 5 (PodDisruptionBudget/notes): spec.selector: no workload has \
             pods labelled {\"app\": \"note\"}",
        ),
        (
            "host: notes.default",
            "host: note.default",
            "mesh.yaml: document 1 (DestinationRule/notes): spec.host: there is no Service \
             \"note\"",
        ),
        (
            "[notes]\n  http:\n    - route: [{destination: {host: notes}}]",
            "[note]\n  http:\n    - route: [{destination: {host: note}}]",
            "mesh.yaml: document 2 (VirtualService/notes): spec.hosts[0]: there is no Service \
             \"note\"",
        ),
    ]);
}

#[test]
fn what_is_optional_need_not_be_there() {
    for (old, new) in [
        ("{name: settings}}]", "{name: setings, optional: true}}]"),
        ("key: password", "key: word, optional: true"),
    ] {
        super::changed(old, new).unwrap();
    }
}

#[test]
fn one_host_has_one_rule_and_one_deployment_one_autoscaler() {
    let more = MESH.replace("metadata: {name: notes}", "metadata: {name: more}");
    let files = [
        ("a.yaml", NOTES),
        ("b.yaml", REST),
        ("c.yaml", MESH),
        ("d.yaml", &more),
    ];
    let error = Manifests::read(&files)
        .unwrap()
        .objects(&model())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "d.yaml: document 1 (DestinationRule/more): spec.host: DestinationRule/notes is about it, \
         too"
    );

    let more = REST
        .split("---")
        .find(|text| text.contains("HorizontalPodAutoscaler"))
        .unwrap()
        .replace("metadata: {name: notes}", "metadata: {name: other}");
    let files = [("a.yaml", NOTES), ("b.yaml", REST), ("c.yaml", &more)];
    let error = Manifests::read(&files)
        .unwrap()
        .objects(&model())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "c.yaml: document 1 (HorizontalPodAutoscaler/other): spec.scaleTargetRef.name: another \
         one scales \"notes\", too"
    );
}

#[test]
fn manifests_and_model_have_to_fit() {
    let table = [
        (
            "  notes:\n",
            "  note:\n",
            "m.yaml: programs.notes: missing: Deployment/notes runs it",
        ),
        (
            "stores:\n",
            "stores:\n  more: {commit_ms: 1, read_ms: 0, data: /data}\n",
            "m.yaml: stores.more: there is no StatefulSet \"more\"",
        ),
        (
            "  notes-store: {commit_ms: 1, read_ms: 0, data: /data}\n",
            "  {}\n",
            "m.yaml: stores.notes-store: missing: StatefulSet/notes-store is neither it nor \
             \"broker\"",
        ),
        (
            "programs:\n",
            "programs:\n  more: {workers: 1, queue: 0, backlog: 1, startup_ms: 0, other_routes: \
             {cpu_ms: 0}}\n",
            "m.yaml: programs.more: there is no Deployment \"more\"",
        ),
    ];
    for (old, new, expected) in table {
        assert!(MODEL.contains(old));
        let model = Model::read("m.yaml", &MODEL.replacen(old, new, 1)).unwrap();
        let error: ManifestError = manifests().objects(&model).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}
