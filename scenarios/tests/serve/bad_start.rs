//! What cannot be served is said in one line, with exit code 2.

use std::{fs, path::Path};

use crate::support::program::{Said, Shop, free_offset, serve_args, squall};

fn serve(data: &Path, offset: u16) -> Said {
    squall(serve_args(data, offset))
}

fn assert_refused(said: &Said, words: &[&str]) {
    assert_eq!(said.code, Some(2), "{said:?}");
    assert_eq!(said.out, "", "nothing was served");
    assert_eq!(said.err.lines().count(), 1, "{said:?}");
    assert!(said.err.starts_with("squall: "), "{said:?}");
    for word in words {
        assert!(said.err.contains(word), "{word:?} is missing: {said:?}");
    }
}

#[test]
fn a_taken_port_is_named() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let offset = free_offset();
    let port = 8085 + offset;
    #[expect(clippy::disallowed_types, reason = "a stranger on the real network")]
    let _stranger = std::net::TcpListener::bind(("127.0.0.1", port)).expect("a free port");
    let said = serve(data.path(), offset);
    assert_refused(&said, &["customercenter", &port.to_string(), "in use"]);
}

#[test]
fn data_in_use_by_another_process_is_left_alone() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let shop = Shop::serve(data.path());
    let folder = data.path().join("shop");
    let said = serve(data.path(), free_offset());
    assert_refused(
        &said,
        &[&folder.display().to_string(), "in use by another process"],
    );
    assert_eq!(shop.get(8081, "/orders").status, 200);
}

#[test]
fn a_data_directory_that_cannot_be_used_is_named() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let file = data.path().join("file");
    fs::write(&file, "").expect("a file");
    for path in [file.clone(), file.join("below")] {
        let said = serve(&path, free_offset());
        assert_refused(&said, &["data directory", &path.display().to_string()]);
    }
}

#[test]
fn a_file_that_is_no_database_is_named_and_kept() {
    for name in ["order.db", "broker.db"] {
        let data = tempfile::tempdir().expect("a temporary directory");
        let folder = data.path().join("shop");
        fs::create_dir(&folder).expect("a directory");
        let file = folder.join(name);
        let garbage = "not a database ".repeat(100);
        fs::write(&file, &garbage).expect("a file");
        let said = serve(data.path(), free_offset());
        assert_refused(&said, &[&file.display().to_string(), "not a database"]);
        let kept = fs::read_to_string(&file).expect("the file is still there");
        assert_eq!(kept, garbage);
    }
    let data = tempfile::tempdir().expect("a temporary directory");
    let folder = data.path().join("shop/pay.db");
    fs::create_dir_all(&folder).expect("a directory");
    let said = serve(data.path(), free_offset());
    assert_refused(&said, &["pay", &folder.display().to_string()]);
}

#[test]
fn an_unknown_system_and_an_impossible_offset_are_refused() {
    assert_refused(&squall(["serve", "shp"]), &["\"shp\"", "shop"]);
    let data = tempfile::tempdir().expect("a temporary directory");
    assert_refused(&serve(data.path(), 60_000), &["60000", "65535"]);
    assert_eq!(
        squall(["serve", "shop", "--port-offset", "70000"]).code,
        Some(2)
    );
    assert_eq!(squall(["serve"]).code, Some(2));
}
