//! Tables on disk: what is written is read, in order, in pages, and in the format that it has.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{env, path::Path, process::Command};

use walrus_service::tables::{
    Bytes, Database, Format, Key as _, MAX_PAGE_BYTES, Options, TableError,
};

fn open(path: &Path, format: Format) -> Result<Database, TableError> {
    Database::open(
        path,
        &Options {
            format,
            ..Options::default()
        },
    )
}

#[test]
fn a_batch_is_read_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    {
        let database = open(dir.path(), Format::FIRST).unwrap();
        let table = database.table::<u16, String>("names").unwrap();
        let cell = database.cell::<u64>("single", "count").unwrap();
        let mut batch = database.batch();
        batch.insert(&table, &7, &"seven".to_owned()).unwrap();
        batch.set(&cell, &3).unwrap();
        assert_eq!(batch.len(), 2);
        assert_eq!(table.get(&7).unwrap(), None, "nothing before the commit");
        batch.commit().unwrap();
    }
    let database = open(dir.path(), Format::FIRST).unwrap();
    let table = database.table::<u16, String>("names").unwrap();
    let cell = database.cell::<u64>("single", "count").unwrap();
    assert_eq!(table.get(&7).unwrap().as_deref(), Some("seven"));
    assert!(table.contains(&7).unwrap() && !table.contains(&8).unwrap());
    assert_eq!(cell.get().unwrap(), Some(3));
    let mut batch = database.batch();
    batch.remove(&table, &7);
    batch.clear(&cell);
    batch.commit_durably().unwrap();
    assert_eq!((table.get(&7).unwrap(), cell.get().unwrap()), (None, None));
    assert_eq!(table.count(10).unwrap(), 0);
}

#[test]
fn tables_that_are_open_are_not_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path(), Format::FIRST).unwrap();
    let refused = open(dir.path(), Format::FIRST).unwrap_err();
    assert!(matches!(refused, TableError::InUse { .. }) && !refused.is_damage());
    let text = refused.to_string();
    assert!(
        text.contains(dir.path().to_str().unwrap()) && text.contains("another process"),
        "{text}"
    );
    drop(first);
    open(dir.path(), Format::FIRST).unwrap();
}

#[test]
fn a_copy_is_of_one_moment_and_opens_as_the_original_does() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(&dir.path().join("one"), Format::FIRST).unwrap();
    let names = database.table::<u16, String>("names").unwrap();
    let count = database.cell::<u64>("single", "count").unwrap();
    for round in 0..3_000_u16 {
        let mut batch = database.batch();
        batch.insert(&names, &round, &"x".repeat(5_000)).unwrap();
        batch.set(&count, &u64::from(round)).unwrap();
        batch.commit().unwrap();
    }
    let target = dir.path().join("deep/two");
    // Writes that come while it is copied are not in it.
    let late = || {
        let mut batch = database.batch();
        batch.insert(&names, &60_000, &"late".to_owned()).unwrap();
        batch.set(&count, &60_000).unwrap();
        batch.commit().unwrap();
        true
    };
    let copied = database.copy_to(&target, late).unwrap();
    assert_eq!(copied, Some(3_002), "with the number of the format");
    assert_eq!(count.get().unwrap(), Some(60_000));
    let copy = open(&target, Format::FIRST).unwrap();
    let names = copy.table::<u16, String>("names").unwrap();
    assert_eq!(names.count(10_000).unwrap(), 3_000);
    assert_eq!(names.get(&60_000).unwrap(), None);
    let count = copy.cell::<u64>("single", "count").unwrap();
    assert_eq!(count.get().unwrap(), Some(2_999));
    let ended = database.copy_to(&dir.path().join("three"), || false);
    assert_eq!(ended.unwrap(), None);
}

#[test]
fn pages_have_every_entry_once_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(dir.path(), Format::FIRST).unwrap();
    let table = database.table::<(u8, u16), u32>("pairs").unwrap();
    let mut batch = database.batch();
    for (a, b) in [(1, 700), (255, 1), (1, 3), (2, 0), (255, u16::MAX), (1, 4)] {
        batch.insert(&table, &(a, b), &u32::from(b)).unwrap();
    }
    batch.commit().unwrap();
    for limit in [1, 2, 3, 100] {
        let mut seen = Vec::new();
        for page in table.pages(limit) {
            let page = page.unwrap();
            assert!(!page.is_empty() && page.len() <= limit);
            assert!(page.iter().all(|((_, b), value)| u32::from(*b) == *value));
            seen.extend(page.into_iter().map(|(key, _)| key));
        }
        assert_eq!(
            seen,
            [(1, 3), (1, 4), (1, 700), (2, 0), (255, 1), (255, u16::MAX)]
        );
        let keys = |pages: walrus_service::tables::Pages<'_, (u8, u16), u32, _>| {
            let pages: Result<Vec<_>, _> = pages.collect();
            let entries = pages.unwrap().into_iter().flatten();
            entries.map(|(key, _)| key).collect::<Vec<_>>()
        };
        assert_eq!(
            keys(table.pages_with(&1_u8, limit)),
            [(1, 3), (1, 4), (1, 700)]
        );
        assert_eq!(
            keys(table.pages_with(&255_u8, limit)),
            [(255, 1), (255, u16::MAX)]
        );
        assert_eq!(keys(table.pages_with(&9_u8, limit)), []);
        assert_eq!(
            keys(table.pages_in((1, 4)..(2, 0), limit)),
            [(1, 4), (1, 700)]
        );
        assert_eq!(keys(table.pages_in((1, 4)..=(2, 0), limit)).len(), 3);
        #[allow(clippy::reversed_empty_ranges)]
        let backwards = table.pages_in((2, 0)..(1, 0), limit);
        assert_eq!(keys(backwards), []);
    }
    assert_eq!((table.count(3).unwrap(), table.count(99).unwrap()), (3, 6));
}

#[test]
fn what_is_removed_while_paging_is_not_met_again() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(dir.path(), Format::FIRST).unwrap();
    let table = database.table::<u64, ()>("queue").unwrap();
    let mut batch = database.batch();
    for key in 0..10 {
        batch.insert(&table, &key, &()).unwrap();
    }
    batch.commit().unwrap();
    for page in table.pages(3) {
        let mut batch = database.batch();
        for (key, ()) in page.unwrap() {
            batch.remove(&table, &key);
        }
        batch.commit().unwrap();
    }
    assert_eq!(table.count(1).unwrap(), 0);
}

#[test]
fn pages_are_bounded_in_bytes_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(dir.path(), Format::FIRST).unwrap();
    let table = database.raw_table::<u8>("large").unwrap();
    let value = Bytes::from(vec![1; MAX_PAGE_BYTES / 2]);
    for key in 0..5 {
        let mut batch = database.batch();
        batch.insert(&table, &key, &value).unwrap();
        batch.commit().unwrap();
    }
    let lengths: Vec<_> = table.pages(100).map(|page| page.unwrap().len()).collect();
    assert_eq!(lengths, [2, 2, 1]);
}

#[test]
fn a_value_that_is_damaged_names_its_table() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(dir.path(), Format::FIRST).unwrap();
    let raw = database.raw_table::<u8>("things").unwrap();
    let mut batch = database.batch();
    batch.insert(&raw, &1, &Bytes::from([1, 2, 3])).unwrap();
    batch.commit().unwrap();
    let typed = database.table::<u8, u64>("things").unwrap();
    let error = typed.get(&1).unwrap_err();
    assert!(error.to_string().contains("table things"), "{error}");
    let wide = database.table::<u16, u64>("things").unwrap();
    let error = wide.pages(9).next().unwrap().unwrap_err();
    assert!(matches!(
        error,
        TableError::Key {
            table: "things",
            length: 1
        }
    ));
    assert!(typed.pages(9).nth(1).is_none(), "an error ends the pages");
}

fn double(database: &Database) -> Result<(), TableError> {
    let table = database.table::<u8, u64>("numbers")?;
    let mut batch = database.batch();
    for page in table.pages(10) {
        for (key, value) in page? {
            batch.insert(&table, &key, &value.saturating_mul(2))?;
        }
    }
    batch.commit()
}

fn number_of(path: &Path, format: Format) -> Option<u64> {
    let database = open(path, format).unwrap();
    let table = database.table::<u8, u64>("numbers").unwrap();
    table.get(&1).unwrap()
}

/// The directory of a program that knew no formats.
fn unnumbered(path: &Path) {
    let database = fjall::Database::builder(path).open().unwrap();
    let table = database
        .keyspace("numbers", fjall::KeyspaceCreateOptions::default)
        .unwrap();
    table.insert(1_u8.to_bytes(), 5_u64.to_le_bytes()).unwrap();
    database.persist(fjall::PersistMode::SyncAll).unwrap();
}

#[test]
fn a_directory_without_a_number_is_of_the_first_format() {
    let dir = tempfile::tempdir().unwrap();
    unnumbered(dir.path());
    assert_eq!(number_of(dir.path(), Format::FIRST), Some(5));
    assert_eq!(number_of(dir.path(), Format::after(&[double])), Some(10));
    let once = number_of(dir.path(), Format::after(&[double]));
    assert_eq!(once, Some(10), "migrated once");
    let twice = number_of(dir.path(), Format::after(&[double, double]));
    assert_eq!(twice, Some(20));
}

#[test]
fn a_new_directory_has_the_newest_format() {
    fn never(_: &Database) -> Result<(), TableError> {
        panic!("there is nothing to migrate")
    }
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(number_of(dir.path(), Format::after(&[never])), None);
    assert_eq!(number_of(dir.path(), Format::after(&[never])), None);
}

#[test]
fn a_newer_format_is_refused_with_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(
        number_of(dir.path(), Format::after(&[double, double])),
        None
    );
    let error = open(dir.path(), Format::after(&[double])).unwrap_err();
    let known = matches!(
        error,
        TableError::Newer {
            found: 3,
            known: 2,
            ..
        }
    );
    assert!(known, "{error:?}");
    let sentence = error.to_string();
    assert!(sentence.contains("has format 3"), "{sentence}");
    assert!(sentence.contains("newer version"), "{sentence}");
    assert!(open(dir.path(), Format::after(&[double, double])).is_ok());
}

#[cfg(unix)]
#[test]
fn a_program_whose_working_directory_was_deleted_gets_a_sentence() {
    const DATABASE: &str = "DATABASE_OF_A_PROGRAM_WITHOUT_A_WORKING_DIRECTORY";
    if let Some(path) = env::var_os(DATABASE) {
        let error = open(Path::new(&path), Format::FIRST).unwrap_err();
        assert!(
            error.to_string().contains("start it in another one"),
            "{error}"
        );
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let gone = dir.path().join("gone");
    std::fs::create_dir(&gone).unwrap();
    let this_test = "a_program_whose_working_directory_was_deleted_gets_a_sentence";
    let output = Command::new("sh")
        .args([
            "-c",
            r#"cd "$1" && rmdir "$1" && exec "$2" --exact "$3""#,
            "sh",
        ])
        .args([gone.as_os_str(), env::current_exe().unwrap().as_os_str()])
        .arg(this_test)
        .env(DATABASE, dir.path().join("database"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("1 passed"), "{told}{output:?}");
}

/// Tables of which one is in memory while it has at most three entries.
fn with_queue(path: &Path) -> (Database, walrus_service::tables::Table<u64, u32>) {
    let database = open(path, Format::FIRST).unwrap();
    let queue = database.resident_table::<u64, u32>("queue", 3).unwrap();
    (database, queue)
}

fn put(database: &Database, queue: &walrus_service::tables::Table<u64, u32>, keys: &[u64]) {
    let mut batch = database.batch();
    for key in keys {
        batch.insert(queue, key, &7).unwrap();
    }
    batch.commit().unwrap();
}

fn take(database: &Database, queue: &walrus_service::tables::Table<u64, u32>, keys: &[u64]) {
    let mut batch = database.batch();
    keys.iter().for_each(|key| batch.remove(queue, key));
    batch.commit().unwrap();
}

/// The keys, and whether the database had to be searched for them.
fn keys(queue: &walrus_service::tables::Table<u64, u32>) -> (Vec<u64>, bool) {
    let before = queue.searches();
    let pages = queue.pages(2).flat_map(Result::unwrap);
    let keys: Vec<_> = pages.map(|(key, _)| key).collect();
    assert_eq!(queue.count(99).unwrap(), keys.len() as u64);
    for key in 0..20 {
        assert_eq!(queue.contains(&key).unwrap(), keys.contains(&key));
        assert_eq!(queue.get(&key).unwrap().is_some(), keys.contains(&key));
    }
    (keys, queue.searches() > before)
}

#[test]
fn a_resident_table_is_read_from_memory_while_there_is_little_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let (database, queue) = with_queue(dir.path());
    for round in 0..100 {
        put(&database, &queue, &[round % 10, 11]);
        take(&database, &queue, &[round % 10]);
    }
    assert_eq!(keys(&queue), (vec![11], false));
    assert_eq!(queue.pages_in(12.., 9).count(), 0);
    assert_eq!(queue.pages_in(..=11, 9).count(), 1);
    // What is never committed is not there.
    let mut batch = database.batch();
    batch.remove(&queue, &11);
    drop(batch);
    // Another handle is the same table.
    let other = database.table::<u64, u32>("queue").unwrap();
    take(&database, &other, &[11]);
    put(&database, &other, &[4, 2, 3]);
    assert_eq!(keys(&queue), (vec![2, 3, 4], false));
    assert_eq!(keys(&other), (vec![2, 3, 4], false));
    drop((other, queue, database));
    let (_database, queue) = with_queue(dir.path());
    assert_eq!(keys(&queue), (vec![2, 3, 4], false));
}

#[test]
fn a_resident_table_with_too_much_in_it_is_read_from_the_database_until_there_is_less() {
    let dir = tempfile::tempdir().unwrap();
    let (database, queue) = with_queue(dir.path());
    put(&database, &queue, &[1, 2, 3, 4, 5]);
    assert_eq!(keys(&queue), (vec![1, 2, 3, 4, 5], true));
    take(&database, &queue, &[1, 2]);
    put(&database, &queue, &[6]);
    assert_eq!(keys(&queue), (vec![3, 4, 5, 6], true));
    // With the third removal it is looked again, and as many as may be are left.
    take(&database, &queue, &[3]);
    assert_eq!(keys(&queue), (vec![4, 5, 6], false));
    put(&database, &queue, &[7]);
    assert_eq!(keys(&queue), (vec![4, 5, 6, 7], true));
    drop((queue, database));
    let (_database, queue) = with_queue(dir.path());
    assert_eq!(keys(&queue), (vec![4, 5, 6, 7], true));
}

#[test]
fn durable_batches_of_many_threads_are_all_there() {
    let dir = tempfile::tempdir().unwrap();
    let (database, queue) = with_queue(dir.path());
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let (database, queue) = (&database, &queue);
            scope.spawn(move || {
                for number in 0..20 {
                    let mut batch = database.batch();
                    batch.insert(queue, &(thread * 20 + number), &1).unwrap();
                    batch.commit_durably().unwrap();
                }
            });
        }
    });
    let found: Vec<_> = queue.pages(99).flat_map(Result::unwrap).collect();
    assert!(found.into_iter().map(|(key, _)| key).eq(0..160));
}

fn journal_bytes(path: &Path) -> u64 {
    let files = std::fs::read_dir(path).unwrap().map(Result::unwrap);
    let journals = files.filter(|file| file.path().extension().is_some_and(|e| e == "jnl"));
    journals.map(|file| file.metadata().unwrap().len()).sum()
}

/// Writes a megabyte in entries behind those that are there; returns how many there are.
fn fill(database: &Database, from: u64) -> u64 {
    let table = database.table::<u64, String>("long").unwrap();
    for key in from..from + 100 {
        let mut batch = database.batch();
        batch.insert(&table, &key, &"x".repeat(10_000)).unwrap();
        batch.commit().unwrap();
    }
    table.count(10_000).unwrap()
}

#[test]
fn the_journal_of_a_database_that_was_ended_in_order_is_empty_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    for round in 1..=3 {
        let database = open(dir.path(), Format::FIRST).unwrap();
        assert_eq!(fill(&database, (round - 1) * 100), round * 100);
        database.shorten_start().unwrap();
        assert!(journal_bytes(dir.path()) > 0, "it is in use");
        drop(database);
        assert_eq!(journal_bytes(dir.path()), 0);
    }
    // A handle that outlives the database, and a batch that is never written, are in nobody's way.
    let database = open(dir.path(), Format::FIRST).unwrap();
    let table = database.table::<u64, String>("long").unwrap();
    assert_eq!(fill(&database, 300), 400);
    let batch = database.batch();
    database.shorten_start().unwrap();
    drop(database);
    assert!(journal_bytes(dir.path()) > 0);
    drop(batch);
    assert_eq!(journal_bytes(dir.path()), 0);
    assert_eq!(table.count(10_000).unwrap(), 400);
}

#[test]
fn a_journal_with_something_that_is_in_no_table_stays() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(dir.path(), Format::FIRST).unwrap();
    let table = database.table::<u64, String>("late").unwrap();
    fill(&database, 0);
    database.shorten_start().unwrap();
    let mut batch = database.batch();
    batch.insert(&table, &1, &"late".to_owned()).unwrap();
    batch.commit().unwrap();
    drop((table, database));
    assert!(journal_bytes(dir.path()) > 0);
    let database = open(dir.path(), Format::FIRST).unwrap();
    let table = database.table::<u64, String>("late").unwrap();
    assert_eq!(table.get(&1).unwrap().as_deref(), Some("late"));
    let long = database.table::<u64, String>("long").unwrap();
    assert_eq!(long.count(999).unwrap(), 100);
}
