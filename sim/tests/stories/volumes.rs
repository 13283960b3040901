//! Stories about what is left of a database whose container or pod ends.

use squall_sim::{
    controls::Controls,
    load::{Extent, Load},
    objects::container::VolumeKind,
};

use crate::{
    notes::{NOTES_AND_ECHOES, WRITE_AND_WAIT},
    story::{Script, ms, play, siege},
    town::cluster,
};

/// One user writes notes, and is done before anything strikes.
const WRITER: Load = Load {
    name: "writer",
    mix: WRITE_AND_WAIT,
    ..siege(1, Extent::For(ms(4_000)))
};

/// Notes that were acknowledged, and those that are there at the end.
fn written_and_kept(
    volume: Option<VolumeKind>,
    strike: impl FnOnce(&mut Controls<'_>) + Send + 'static,
) -> (usize, usize) {
    let mut cluster = cluster(NOTES_AND_ECHOES);
    let sets = &mut cluster.objects.stateful_sets;
    let template = &mut sets.get_mut("notes-store").expect("notes has one").template;
    match volume {
        Some(kind) => template.volumes[0].kind = kind,
        None => template.container.mounts.clear(),
    }
    let script = Script::default().at(ms(6_000), strike);
    let told = play(cluster, &[WRITER], script, 8);
    assert_eq!(told.0.unsettled, None);
    let acknowledged = told
        .asked()
        .into_iter()
        .filter(|one| one.route == "/notes" && matches!(one.answered, Some((_, Some(201), _))));
    (acknowledged.count(), told.stored("notes").len())
}

fn end_container(controls: &mut Controls<'_>) {
    controls.stop_store("notes").expect("notes has a store");
}

fn end_pod(controls: &mut Controls<'_>) {
    controls
        .delete_pods("notes-store")
        .expect("it is a StatefulSet");
}

fn claim() -> Option<VolumeKind> {
    Some(VolumeKind::Claim("files-notes-store-0".to_owned()))
}

#[test]
fn a_claimed_volume_outlives_the_container_and_the_pod() {
    for strike in [end_container, end_pod] {
        let (written, kept) = written_and_kept(claim(), strike);
        assert!(written > 10 && kept == written, "{kept} of {written}");
    }
}

#[test]
fn an_empty_dir_outlives_the_container_only() {
    let (written, kept) = written_and_kept(Some(VolumeKind::EmptyDir), end_container);
    assert!(written > 10 && kept == written, "{kept} of {written}");
    let (written, kept) = written_and_kept(Some(VolumeKind::EmptyDir), end_pod);
    assert!(written > 10 && kept == 0, "{kept} of {written}");
}

#[test]
fn what_lies_in_the_container_ends_with_it() {
    for strike in [end_container, end_pod] {
        let (written, kept) = written_and_kept(None, strike);
        assert!(written > 10 && kept == 0, "{kept} of {written}");
    }
}
