//! Starts that are refused: one line that says what, and what to do.

use highwater_broker::StartError;
use tempfile::TempDir;

use crate::harness::{TestBroker, start_on};

/// One line with every part in it.
fn expect_line(error: &StartError, parts: &[&str]) {
    let line = error.to_string();
    assert!(!line.contains('\n'), "{line}");
    for part in parts {
        assert!(line.contains(part), "{line:?} lacks {part:?}");
    }
}

#[tokio::test]
async fn second_broker_on_a_directory_is_refused_and_the_first_goes_on() {
    let first = TestBroker::start(&[]).await;
    let error = start_on(first.dir.path(), &[]).await.err().unwrap();
    expect_line(
        &error,
        &["in use by another broker", first.dir.path().to_str().unwrap(), "log.dirs"],
    );
    let dir = first.stop().await;
    // Given up, it can be had.
    let second = start_on(dir.path(), &[]).await.unwrap();
    assert!(second.stop().await.is_clean);
}

#[tokio::test]
async fn busy_port_is_refused_and_nothing_stays_locked() {
    let first = TestBroker::start(&[]).await;
    let dir = TempDir::new().unwrap();
    let listener = format!("listeners=PLAINTEXT://{}", first.address());
    let error = start_on(dir.path(), &[&listener]).await.err().unwrap();
    expect_line(&error, &["in use", &first.address().to_string(), "choose another port"]);
    let second = start_on(dir.path(), &[]).await.unwrap();
    assert!(second.stop().await.is_clean);
    first.stop().await;
}

#[tokio::test]
async fn foreign_directory_is_refused_and_left_alone() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("letter.txt"), "dear").unwrap();
    let error = start_on(dir.path(), &[]).await.err().unwrap();
    expect_line(&error, &[dir.path().to_str().unwrap(), "letter.txt", "empty directory"]);
    assert_eq!(std::fs::read(dir.path().join("letter.txt")).unwrap(), b"dear");
}

#[tokio::test]
async fn directory_of_another_node_is_refused() {
    let dir = TestBroker::start(&["node.id=7"]).await.stop().await;
    let error = start_on(dir.path(), &["node.id=8"]).await.err().unwrap();
    expect_line(&error, &[dir.path().to_str().unwrap(), "7", "8", "node.id"]);
    let right = start_on(dir.path(), &["node.id=7"]).await.unwrap();
    assert!(right.stop().await.is_clean);
}

#[tokio::test]
async fn path_that_cannot_be_a_directory_is_refused() {
    // The superuser may write where mode bits say no, so a file stands in the way instead.
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = start_on(&file.join("data"), &[]).await.err().unwrap();
    expect_line(&error, &[file.to_str().unwrap(), "log.dirs"]);
}

#[tokio::test]
async fn read_only_file_system_is_refused() {
    let read_only = std::path::Path::new("/sys/highwater-data");
    let error = start_on(read_only, &[]).await.err().unwrap();
    expect_line(&error, &["/sys/highwater-data", "writable", "log.dirs"]);
}
