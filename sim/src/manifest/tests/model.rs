//! `model.yaml`.

use super::MODEL;
use crate::{model::Model, range::TimeRange};

#[test]
fn a_model_is_read_with_its_defaults() {
    let model = super::model();
    let notes = &model.programs["notes"];
    assert_eq!(notes.routes[0].cost.wait_ms, TimeRange::ms(0, 1));
    assert_eq!(notes.other_routes.wait_ms, TimeRange::ZERO);
    assert_eq!(notes.database_pool, None);
    assert_eq!(model.cluster.nodes.len(), 1);
    assert_eq!(model.cluster.metrics_resolution_s, 60);
}

fn assert_said(table: &[(&str, &str, &str)]) {
    for (old, new, expected) in table {
        assert!(MODEL.contains(old), "{old:?} is nowhere");
        let said = match Model::read("model.yaml", &MODEL.replacen(old, new, 1)) {
            Ok(_) => "nothing".to_owned(),
            Err(error) => error.to_string(),
        };
        let expected = format!("model.yaml: {expected}");
        assert_eq!(said, expected, "with {new:?} for {old:?}");
    }
}

#[test]
fn what_a_program_cannot_be_is_said_with_its_path() {
    let expected = "expected one of `workers`, `queue`, `backlog`, `database_pool`, `startup_ms`, \
                    `startup_cores`, `routes`, `other_routes`";
    assert_said(&[
        (
            "workers: 8",
            "workers: 0",
            "programs.notes.workers: 0, nothing would ever be served",
        ),
        (
            "workers: 8",
            "worker: 8",
            &format!("programs.notes.worker: unknown field `worker`, {expected}"),
        ),
        (
            "workers: 8",
            "workers: many",
            "programs.notes.workers: invalid type: string \"many\", expected u32",
        ),
        (
            "    queue: 0\n",
            "",
            "programs.notes: missing field `queue`",
        ),
        (
            "queue: 0",
            "queue: 0\n    database_pool: 0",
            "programs.notes.database_pool: 0, nothing would ever be read",
        ),
        (
            "startup_ms: 10",
            "startup_ms: [2, 1]",
            "programs.notes.startup_ms: [2, 1] is empty: the lower bound is the greater one",
        ),
        (
            "wait_ms: [0, 1]",
            "wait: [0, 1]",
            "programs.notes.routes[0].wait: unknown field `wait`, expected one of `method`, \
             `route`, `cpu_ms`, `wait_ms`",
        ),
        (
            "wait_ms: [0, 1]}",
            "wait_ms: [0, 1]}, {method: GET, route: '/notes/{id}', cpu_ms: 1}",
            "programs.notes.routes[0]: GET /notes/{id} is there twice",
        ),
    ]);
}

#[test]
fn what_a_cluster_cannot_be_is_said_with_its_path() {
    let node = "{name: a, zone: z, cores: 1}";
    let cluster = |nodes: &str| format!("cluster: {{nodes: [{nodes}]}}\nnetwork: {{");
    assert_said(&[
        (
            "latency_ms: 1",
            "latency_ms: 1, loss: 1",
            "network.loss: 1, expected 0 or more and below 1",
        ),
        (
            "partitions: 1",
            "partitions: 0",
            "broker.partitions: 0, expected 1 or more",
        ),
        (
            "network: {",
            &cluster(""),
            "cluster.nodes: none, expected one or more",
        ),
        (
            "network: {",
            &cluster(&format!("{node}, {node}")),
            "cluster.nodes[0].name: \"a\" is there twice",
        ),
        (
            "network: {",
            &cluster("{name: a, zone: z, cores: 0}"),
            "cluster.nodes[0].cores: 0, expected more than 0",
        ),
    ]);
}

#[test]
fn a_model_is_one_document() {
    let two = format!("{MODEL}---\n{MODEL}");
    let said = Model::read("m.yaml", &two).unwrap_err().to_string();
    assert_eq!(said, "m.yaml: .: 2 documents, expected one");
    let said = Model::read("m.yaml", "programs: [\n")
        .unwrap_err()
        .to_string();
    assert!(said.starts_with("m.yaml: line "), "{said}");
}
