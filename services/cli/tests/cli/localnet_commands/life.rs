//! Networks begin, end, and come back.

use std::{fs, net::TcpListener};

use serde_json::Value;

use super::{SHAPE, UP};
use crate::program::{Home, names};

#[test]
fn a_second_network_on_a_busy_directory_or_port_says_so() {
    let home = Home::new();
    let first = home.start(&SHAPE);
    first.wait_for_line(UP);
    let busy = home.fail(&SHAPE);
    assert!(
        busy.contains("a local network is already running in"),
        "{busy}"
    );
    assert!(busy.contains("--dir"), "{busy}");

    let dir = home.path().join("other");
    let dir = dir.to_str().unwrap();
    let descriptor = fs::read_to_string(home.path().join(".walrus/localnet/network.json")).unwrap();
    let descriptor: Value = serde_json::from_str(&descriptor).unwrap();
    let port = |url: &str| {
        descriptor[url]
            .as_str()
            .unwrap()
            .rsplit(':')
            .next()
            .unwrap()
            .to_owned()
    };
    let rpc = port("rpcUrl");
    let taken = home.fail(&[
        "localnet",
        "--dir",
        dir,
        "--rpc-port",
        &rpc,
        "--faucet-port",
        "0",
    ]);
    assert!(taken.contains(&rpc) && taken.contains("in use"), "{taken}");
    assert!(taken.contains("--rpc-port (0 for any"), "{taken}");
    let faucet = port("faucetUrl");
    let taken = home.fail(&[
        "localnet",
        "--dir",
        dir,
        "--rpc-port",
        "0",
        "--faucet-port",
        &faucet,
    ]);
    assert!(
        taken.contains(&faucet) && taken.contains("in use"),
        "{taken}"
    );
    assert!(taken.contains("--faucet-port (0 for any"), "{taken}");

    // The first one did not notice.
    assert_eq!(home.json(&["info", "storage", "--json"])["nNodes"], 4);
    let second = home.start(&[&SHAPE[..], &["--dir", dir, "--json"]].concat());
    let printed = second.wait_for_line("}");
    assert!(printed.starts_with('{'), "{printed}");
    assert!(second.stop_with("INT").success());
    assert!(first.stop_with("INT").success());
}

#[test]
fn a_new_network_has_more_nodes_than_the_public_client_needs_and_keeps_its_size() {
    let home = Home::new();
    let any_ports = [
        "localnet",
        "--rpc-port",
        "0",
        "--faucet-port",
        "0",
        "--json",
    ];
    let network = home.start(&any_ports);
    let described = network.wait_for_json();
    assert_eq!(described["nodes"].as_array().unwrap().len(), 13);
    assert_eq!(home.json(&["info", "storage", "--json"])["nShards"], 100);
    assert!(network.stop_with("INT").success());
    for (option, value, refused) in [
        (
            "--nodes",
            "10",
            "has 13 nodes and 100 shards, not 10 and 100;",
        ),
        ("--epoch-duration", "2m", "has epochs of 24 h, not 2 m;"),
        (
            "--host",
            "::1",
            "has nodes at the address 127.0.0.1, not ::1;",
        ),
    ] {
        let other = home.fail(&[&any_ports[..], &[option, value]].concat());
        assert!(other.contains(refused), "{other}");
    }
}

#[test]
fn what_is_not_a_network_is_left_alone() {
    let home = Home::new();
    let dir = home.path().join("documents");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("letter.txt"), "dear reader").unwrap();
    let refused = home.fail(&[&SHAPE[..], &["--dir", dir.to_str().unwrap()]].concat());
    assert!(
        refused.contains("not empty and holds no local network"),
        "{refused}"
    );
    assert_eq!(names(&dir), ["letter.txt"]);
    home.file("list", b"no: list");
    for (options, why) in [
        (
            &["--nodes", "20", "--shards", "13"][..],
            "13 shards are too few for 20 nodes",
        ),
        (&["--blocklist", "absent"], "cannot read the block list"),
        (&["--blocklist", "list"], "is not a YAML list of blob IDs"),
        (
            &["--host", "0.0.0.0"],
            "none at which clients find the nodes",
        ),
        (&["--host", "::"], "none at which clients find the nodes"),
    ] {
        let said = home.fail(&[&["localnet"], options].concat());
        assert!(said.contains(why) && !said.contains("Package"), "{said}");
    }
    assert_eq!(
        names(home.path()),
        ["documents", "list"],
        "nothing was begun"
    );
}

#[test]
fn a_place_where_nothing_can_be_written_names_the_ways_out() {
    let home = Home::new();
    home.file(".walrus", b"no directory");
    let refused = home.fail(&["localnet"]);
    assert!(
        refused.contains("--dir") && refused.contains("--ephemeral"),
        "{refused}"
    );
    let refused = home.fail(&["devchain"]);
    assert!(
        refused.contains("--dir") && refused.contains("--ephemeral"),
        "{refused}"
    );
}

#[test]
fn ctrl_c_while_the_network_comes_up_stops_it() {
    let home = Home::new();
    let network = home.start(&["localnet", "--rpc-port", "0", "--faucet-port", "0"]);
    // The first sign of life; nodes are far from ready.
    network.wait_for_line("");
    assert!(network.stop_with("INT").success());
    // Nothing of it is in the way of the next one.
    let network = home.start(&SHAPE);
    network.wait_for_line(UP);
    assert!(network.stop_with("INT").success());
}

#[test]
fn an_ephemeral_network_leaves_nothing_behind() {
    let home = Home::new();
    let arguments = [&SHAPE[..], &["--ephemeral"]].concat();
    // In the middle of the start, and when it is up.
    for (line, signal) in [("Package walrus", "INT"), (UP, "INT"), (UP, "TERM")] {
        let network = home.start(&arguments);
        network.wait_for_line(line);
        assert!(!home.leftovers().is_empty(), "it has to be somewhere");
        assert!(network.stop_with(signal).success());
        assert!(
            home.leftovers().is_empty(),
            "{line}, {signal}: {:?}",
            home.leftovers()
        );
        assert!(names(home.path()).is_empty());
    }
}

#[test]
fn an_ephemeral_network_removes_what_killed_ones_left_and_nothing_of_live_ones() {
    let home = Home::new();
    let arguments = [&SHAPE[..], &["--ephemeral"]].concat();
    let start = || {
        let before = home.leftovers();
        let network = home.start(&arguments);
        network.wait_for_line(UP);
        let mut new = home.leftovers();
        new.retain(|name| !before.contains(name));
        (network, new)
    };
    let (live, of_live) = start();
    let (killed, of_killed) = start();
    assert_eq!((of_live.len(), of_killed.len()), (1, 1));
    assert!(!killed.stop_with("KILL").success());
    assert!(home.leftovers().contains(&of_killed[0]));

    let (next, of_next) = start();
    let mut left = [of_live, of_next].concat();
    left.sort();
    assert_eq!(home.leftovers(), left);
    assert!(live.stop_with("INT").success());
    assert!(!next.stop_with("KILL").success());
    // A demonstration does so, too, and leaves nothing itself.
    home.file("note", b"a short note");
    home.succeed(&["demo", "note", "--nodes", "4", "--shards", "13"]);
    assert!(home.leftovers().is_empty());
}

#[test]
fn a_killed_network_comes_back_with_its_blobs_and_takes_new_ones() {
    let home = Home::new();
    // Named as a user would who is there; what is written there is right elsewhere as well.
    let dir = home.path().join("network");
    let arguments = [&SHAPE[..], &["--dir", "network"]].concat();
    // Where this machine has it, the network is on the other family of addresses, and stays there.
    let host = match TcpListener::bind("[::1]:0") {
        Ok(_) => ["--host", "::1"],
        Err(_) => ["--host", "127.0.0.1"],
    };
    let config = dir.join("client_config.yaml");
    let config = ["--config", config.to_str().unwrap()];
    let store = |name: &str, contents: &[u8]| {
        let file = home.file(name, contents);
        let arguments = ["store", file.to_str().unwrap(), "--epochs", "2", "--json"];
        let stored = home.json(&[&arguments[..], &config].concat());
        let created = &stored[0]["blobStoreResult"]["newlyCreated"];
        created["blobObject"]["blobId"].as_str().unwrap().to_owned()
    };
    let read = |blob_id: &str| home.run(&[&["read", blob_id][..], &config].concat()).stdout;

    let network = home.start(&[&arguments[..], &host].concat());
    // What it prints is right in any folder, and where another configuration would be found.
    let hint = network.wait_for_line("echo hello | ");
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("client_config.yaml"), "other: 1").unwrap();
    let tried = home
        .command_of("sh", &["-c", hint.lines().last().unwrap()])
        .current_dir(elsewhere.path())
        .output()
        .unwrap();
    assert!(tried.status.success(), "{hint}{tried:?}");
    let before = store("before", &[7; 30_000]);
    assert!(!network.stop_with("KILL").success());

    let network = home.start(&arguments);
    let up = network.wait_for_line(UP);
    assert_eq!(up.contains("http://[::1]:"), host[1] == "::1", "{up}");
    assert!(read(&before) == [7; 30_000]);
    let after = store("after", b"stored after the crash");
    assert_ne!(before, after);
    assert!(!network.stop_with("KILL").success());

    let network = home.start(&arguments);
    network.wait_for_line(UP);
    assert!(read(&before) == [7; 30_000]);
    assert!(read(&after) == b"stored after the crash");
    assert!(network.stop_with("INT").success());
}
