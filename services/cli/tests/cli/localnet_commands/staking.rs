//! Stakes of the wallet: listed, requested, withdrawn and moved. Part of the tests of the other commands, on a network whose first half of
//! an epoch lasts longer than the test.

use serde_json::{Value, json};

use crate::program::Home;

/// The wallet of a node in its directory.
const NODE_WALLET: &str = "client.yaml";

/// What staking is about, before the next committee is chosen.
pub(super) fn manage(home: &Home) {
    let nodes = look_at_nodes(home);
    estimate(home, &nodes[0]);
    withdraw_what_does_not_count(home, &nodes[0], &nodes[1]);
    request_what_counts(home);
    act_for_a_node(home, &nodes[0]);
}

fn look_at_nodes(home: &Home) -> Vec<String> {
    let found = home.json(&["stake", "nodes", "--json"]);
    let nodes = found["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 4, "{found}");
    assert!(found["entryStake"].as_u64().unwrap() > 0, "{found}");
    let names: Vec<_> = nodes
        .iter()
        .map(|node| node["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["node-0", "node-1", "node-2", "node-3"]);
    for node in nodes {
        assert_eq!(node["isCandidate"], true, "{node}");
        assert_eq!(node["takesStake"], true, "{node}");
        assert!(node["nShards"].as_u64().unwrap() > 0, "{node}");
        assert!(node["commissionRate"].as_u64().unwrap() <= 10_000, "{node}");
        // In the first epoch nobody has earned anything.
        assert!(node["lastReturn"].is_null(), "{node}");
    }
    let object =
        json!({"command": {"stake": {"command": {"nodes": {"sort": "name", "desc": true}}}}});
    let turned = home.json(&["json", &object.to_string()]);
    assert_eq!(turned["nodes"][0]["name"], "node-3");
    let text = home.succeed(&["stake", "nodes", "--sort", "stake"]);
    assert!(
        text.contains("commission") && text.contains("A candidate needs"),
        "{text}"
    );
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let ids = nodes
        .iter()
        .map(|node| node["nodeId"].as_str().unwrap().to_owned());
    ids.collect()
}

fn estimate(home: &Home, node: &str) {
    let found = home.json(&[
        "stake",
        "estimate",
        "--node-id",
        node,
        "--amount",
        "5WAL",
        "--json",
    ]);
    assert_eq!(found["amount"], 5_000_000_000_u64);
    assert_eq!(
        (&found["activationEpoch"], &found["withdrawEpoch"]),
        (&json!(2), &json!(3))
    );
    assert_eq!(
        (&found["isCandidate"], &found["missing"]),
        (&json!(true), &json!(0))
    );
    assert!(
        found["activationTime"].as_str().unwrap().starts_with("20"),
        "{found}"
    );
    let text = home.succeed(&["stake", "estimate", "--node-id", node]);
    assert!(
        text.starts_with("1 WAL with node-") && text.contains("epoch 2, about 20"),
        "{text}"
    );
    let absent = home.fail(&["stake", "estimate", "--node-id", "0x5555"]);
    assert!(absent.contains("no storage node"), "{absent}");
    let little = home.run(&["stake", "estimate", "--node-id", node, "--amount", "1"]);
    assert_eq!(little.status.code(), Some(2));
}

fn stakes(home: &Home, options: &[&str]) -> Vec<Value> {
    let listed = home.json(&[&["list-staked-wal", "--json"][..], options].concat());
    listed["stakedWals"].as_array().unwrap().clone()
}

fn stake(home: &Home, node: &str, amount: &str) -> String {
    let staked = home.json(&["stake", "--node-id", node, "--amount", amount, "--json"]);
    staked["stakedWal"][0]["id"].as_str().unwrap().to_owned()
}

fn withdraw_what_does_not_count(home: &Home, one: &str, other: &str) {
    let first = stake(home, one, "7WAL");
    let second = stake(home, one, "8WAL");
    let before = stakes(home, &[]).len();
    let of_one = |id: &str| {
        let all = stakes(home, &["--staked-only"]);
        all.into_iter().find(|stake| stake["id"] == id)
    };
    let shape = json!({
        "id": first, "state": "Staked", "node_id": one, "principal": 7_000_000_000_u64, "activation_epoch": 2,
    });
    assert_eq!(of_one(&first), Some(shape));
    let text = home.succeed(&["list-staked-wal"]);
    assert!(
        text.contains("7 WAL with node-") && text.contains("does not count yet"),
        "{text}"
    );

    let needless = home.fail(&["request-withdraw-stake", one, &first]);
    assert!(
        needless.contains(&format!("`walrus withdraw-stake {first}` fetches it now")),
        "{needless}"
    );
    let absent = home.fail(&["withdraw-stake", &first, "0x5"]);
    assert!(absent.contains("has no stake 0x"), "{absent}");

    // To the other node, in one step, and from there to the wallet.
    let same = home.fail(&["redelegate", &first, "--to", one]);
    assert!(same.contains("nothing was moved"), "{same}");
    let moved = home.json(&["redelegate", &first, &second, "--to", other, "--json"]);
    let new = moved["stakedWal"].as_array().unwrap();
    let principals: Vec<_> = new
        .iter()
        .map(|stake| stake["principal"].as_u64())
        .collect();
    assert!(principals.contains(&Some(7_000_000_000)) && principals.contains(&Some(8_000_000_000)));
    assert!(
        new.iter().all(|stake| stake["node_id"] == *other),
        "{moved}"
    );
    assert_eq!(moved["waiting"], json!([]));
    assert_eq!(moved["txDigests"].as_array().unwrap().len(), 1);
    assert_eq!(of_one(&first), None);
    assert_eq!(stakes(home, &[]).len(), before);
    let ids: Vec<_> = new
        .iter()
        .map(|stake| stake["id"].as_str().unwrap())
        .collect();
    let withdrawn = home.json(&[&["withdraw-stake", "--json"][..], &ids].concat());
    assert_eq!(withdrawn["stakedWalIds"].as_array().unwrap().len(), 2);
    assert!(withdrawn["txDigest"].is_string(), "{withdrawn}");
    assert_eq!(stakes(home, &[]).len(), before - 2);
    let third = stake(home, one, "1WAL");
    let text = home.succeed(&["withdraw-stake", &third]);
    assert!(
        text.contains("Withdrew 1 stake") && text.contains("0 WAL (0 FROST)"),
        "{text}"
    );
}

/// What the wallet had staked when the network began.
fn request_what_counts(home: &Home) {
    let all = stakes(home, &[]);
    let old = all
        .iter()
        .find(|stake| stake["activation_epoch"] == 1)
        .unwrap();
    let (id, node) = (
        old["id"].as_str().unwrap(),
        old["node_id"].as_str().unwrap(),
    );
    let early = home.fail(&["withdraw-stake", id]);
    assert!(
        early.contains("nothing was withdrawn")
            && early.contains("has to be requested first")
            && early.contains("epoch 2"),
        "{early}"
    );
    // A second one with the node, so that it is not clear which is meant.
    let second = stake(home, node, "1WAL");
    let listed = home.json(&["request-withdraw-stake", node, "--json"]);
    assert!(
        listed["stakedWals"].as_array().unwrap().len() > 1 && listed["txDigest"].is_null(),
        "{listed}"
    );
    let text = home.succeed(&["request-withdraw-stake", node]);
    assert!(text.contains("there are several"), "{text}");
    let planned = home.json(&["request-withdraw-stake", node, id, "--dry-run", "--json"]);
    assert_eq!(planned, json!({"stakedWals": [old]}));
    home.succeed(&["withdraw-stake", &second]);
    let other = all.iter().find(|stake| stake["node_id"] != *node).unwrap();
    let wrong = home.fail(&[
        "request-withdraw-stake",
        node,
        other["id"].as_str().unwrap(),
    ]);
    assert!(wrong.contains(&format!(", not with {node}")), "{wrong}");

    let requested = home.json(&["request-withdraw-stake", node, id, "--json"]);
    assert_eq!(
        requested["stakedWals"][0]["state"],
        json!({"Withdrawing": 2}),
        "{requested}"
    );
    assert!(requested["txDigest"].is_string());
    assert_eq!(stakes(home, &["--withdrawing-only"]).len(), 1);
    let again = home.fail(&["request-withdraw-stake", node, id]);
    assert!(
        again.contains("requested before") && again.contains("epoch 2"),
        "{again}"
    );
    let early = home.fail(&["withdraw-stake", id]);
    assert!(
        early.contains("can be withdrawn from epoch 2, about 20"),
        "{early}"
    );
    // It goes on where it is.
    let target = other["node_id"].as_str().unwrap();
    let waiting = home.json(&["redelegate", id, "--to", target, "--json"]);
    assert_eq!(waiting["waiting"][0]["id"], id, "{waiting}");
    assert_eq!(waiting["txDigests"], json!([]));
    let text = home.succeed(&["redelegate", id, "--to", target]);
    assert!(
        text.contains("1 stake not free yet; from epoch 2"),
        "{text}"
    );
    let both = home.run(&["list-staked-wal", "--staked-only", "--withdrawing-only"]);
    assert_eq!(both.status.code(), Some(2));
}

/// With the wallet of the node, and with that of the commands once it is authorized.
fn act_for_a_node(home: &Home, node: &str) {
    let receiver = || {
        let table = home.succeed(&["info", "committee", "--commission-receivers"]);
        let row = table.lines().find(|line| line.starts_with(node)).unwrap();
        let fields: Vec<_> = row.split(',').map(str::to_owned).collect();
        (fields[2].clone(), fields[3].clone(), fields[4].clone())
    };
    // The capability of the node, which its operator has.
    let (kind, cap, operator) = receiver();
    assert_eq!(kind, "object");
    let collect = ["node-admin", "collect-commission", "--node-id", node];
    let stranger = home.fail(&collect);
    assert!(
        stranger.contains(&format!("is for whoever has the object {cap}")),
        "{stranger}"
    );
    let stake = stakes(home, &[])[0]["id"].as_str().unwrap().to_owned();
    let set = ["node-admin", "set-commission-authorized", "--node-id", node];
    let wallet = home
        .path()
        .join(".walrus/localnet/nodes/0")
        .join(NODE_WALLET);
    let wallet = ["--wallet", wallet.to_str().unwrap()];
    let nothing = home.succeed(&[&wallet[..], &collect].concat());
    assert_eq!(nothing, "There is nothing to collect\n");
    let lost = home.fail(&[&wallet[..], &set, &["--object", "0x5555"]].concat());
    assert!(lost.contains("there is no object 0x"), "{lost}");
    let text = home.succeed(&[&wallet[..], &set, &["--object", &stake]].concat());
    assert!(
        text.contains("From now on whoever has the object 0x"),
        "{text}"
    );
    let (kind, object, owner) = receiver();
    assert_eq!((kind.as_str(), &object), ("object", &stake));
    assert!(owner.starts_with("0x") && owner != operator, "{owner}");
    // The wallet of the commands has it.
    home.succeed(&[&set[..], &["--address", &operator]].concat());
    assert_eq!(receiver().1, operator);
    let vote = [
        "node-admin",
        "vote-for-upgrade",
        "--node-id",
        node,
        "--upgrade-manager-object-id",
        "0x6",
    ];
    let digest = "ab".repeat(32);
    let refused = home.fail(&[&vote[..], &["--digest", &digest]].concat());
    assert!(refused.contains("votes for the node"), "{refused}");
}
