//! What the command line says when something is wrong: one line, what, where, what to do, and a documented code.

use crate::support::{Ran, Shop, refused};

const HEADER: &str = "sku,title,price,currency,stock\n";

#[test]
fn a_missing_file_a_folder_and_an_empty_file_are_refused() {
    let shop = Shop::new();
    refused(&shop.run(&["import", "nowhere.csv"]), 3, &["nowhere.csv", "no such file"]);
    refused(&shop.run(&["import", "."]), 3, &["folder"]);
    shop.file("empty.csv", "");
    refused(&shop.run(&["import", "empty.csv"]), 3, &["empty_file"]);
    shop.file("good.csv", format!("{HEADER}A,Lamp,1.00,EUR,1\n"));
    refused(&shop.run(&["import", "good.csv", "--images", "nowhere"]), 3, &["--images nowhere"]);
}

#[test]
fn a_file_error_is_in_the_json_too() {
    let shop = Shop::new();
    shop.file("empty.csv", "");
    let ran = shop.run(&["import", "empty.csv", "--json"]);
    assert_eq!(ran.json()["file_error"]["code"], "empty_file");
    assert_eq!(ran.json()["rows"], 0);
}

#[test]
fn wrong_configuration_is_refused_with_its_place() {
    let shop = Shop::new();
    shop.file("backstock.toml", "[queue]\nurll = \"sqlite\"\n");
    refused(
        &shop.run(&["config", "check"]),
        2,
        &["backstock.toml: line 2", "queue.urll", "did you mean `queue.url`"],
    );
    let shop = Shop::new().with("BACKSTOCK__QUEUE__URL", "mysql://x");
    refused(&shop.run(&["config", "check"]), 2, &["queue.url", "sqlite", "redis://"]);
}

#[test]
fn a_bad_cron_line_is_refused_with_its_entry() {
    let shop = Shop::new().with("BACKSTOCK__SCHEDULER__SCHEDULE_FILE", "schedule.toml");
    let entry = |cron: &str, job: &str| {
        format!(
            "[[entry]]\nname = \"nightly\"\ncron = \"{cron}\"\njob = \"{job}\"\npayload = {{ view = \"all\", mode = \"full\" }}\n"
        )
    };
    shop.file("schedule.toml", entry("61 * * * *", "refresh_view"));
    refused(&shop.run(&["config", "check"]), 2, &["nightly", "61"]);
    shop.file("schedule.toml", entry("1 * * * *", "refresh_vew"));
    refused(&shop.run(&["config", "check"]), 2, &["nightly", "refresh_vew"]);
}

#[test]
fn commands_that_need_data_say_so() {
    let shop = Shop::new();
    for args in [&["status"][..], &["jobs", "list"], &["queues", "list"], &["search", "lamp"]] {
        refused(&shop.run(args), 4, &["there is nothing in", "backstock import FILE"]);
    }
}

#[test]
fn a_data_folder_that_cannot_be_used_is_refused() {
    let shop = Shop::new();
    shop.file("data", "this is a file");
    shop.file("good.csv", format!("{HEADER}A,Lamp,1.00,EUR,1\n"));
    refused(&shop.run(&["import", "good.csv"]), 4, &["data folder", "--data-dir"]);
    let shop = Shop::new();
    std::fs::create_dir(shop.data()).unwrap();
    std::fs::write(
        shop.data().join("queue.db"),
        "this is no database, but it is long enough to be looked at. ".repeat(40),
    )
    .unwrap();
    refused(&shop.run(&["jobs", "list"]), 4, &["queue.db"]);
}

#[test]
fn every_job_is_not_cancelled_by_accident() {
    let shop = Shop::new();
    shop.file("good.csv", format!("{HEADER}A,Lamp,1.00,EUR,1\n"));
    shop.run(&["import", "good.csv"]).ok();
    refused(&shop.run(&["jobs", "cancel"]), 2, &["--all"]);
    refused(&shop.run(&["jobs", "show", "x"]), 2, &["not the id of a job"]);
}

#[test]
fn rejects_can_be_mended_and_imported_again() {
    let shop = Shop::new();
    shop.file("bad.csv", format!("{HEADER}A,Lamp,1.00,EUR,1\nB,,2.00,EUR,1\nC,Chair,minus,EUR,1\n"));
    let report = shop.run(&["import", "bad.csv", "--rejects", "rejects.csv", "--json"]).ok().json();
    assert_eq!((report["created"].as_u64(), report["rejected"].as_u64()), (Some(1), Some(2)));
    assert_eq!(report["rejects"][0]["code"], "missing_title");
    let mended = std::fs::read_to_string(shop.path("rejects.csv")).unwrap();
    let mended = mended.replace("B,,", "B,Mug,").replace("minus", "3.00");
    shop.file("mended.csv", mended);
    let report = shop.run(&["import", "mended.csv", "--json"]).ok().json();
    assert_eq!((report["created"].as_u64(), report["rejected"].as_u64()), (Some(2), Some(0)), "{report}");
}

#[test]
fn a_dry_run_writes_nothing() {
    let shop = Shop::new();
    shop.file("good.csv", format!("{HEADER}A,Lamp,1.00,EUR,1\n"));
    let report = shop.run(&["import", "good.csv", "--dry-run", "--json"]).ok().json();
    assert_eq!(report["created"], 1);
    let report = shop.run(&["import", "good.csv", "--json"]).ok().json();
    assert_eq!(report["created"], 1);
}

#[test]
fn a_closed_pipe_is_no_error() {
    let shop = Shop::new();
    let shown = format!("{} config show | head -1", crate::support::binary().display());
    let ran = Ran(std::process::Command::new("sh")
        .args(["-c", &shown])
        .current_dir(shop.dir.path())
        .output()
        .unwrap());
    assert_eq!(ran.stderr(), "");
}

#[test]
fn limits_are_set_shown_and_lifted() {
    let shop = Shop::new();
    shop.file("acme.csv", format!("{HEADER}A,Lamp,1.00,EUR,1\n"));
    assert_eq!(shop.run(&["import", "acme.csv"]).code(), 0);
    let set = shop.run(&["queues", "limit", "images", "--running", "4", "--rate", "100/1s"]);
    assert_eq!((set.code(), set.stdout().trim()), (0, "limited: images; each key: 4 at once, 100/s"));
    let status = shop.run(&["status"]);
    assert!(status.stdout().contains("each key 4 at once, 100/s"), "{}", status.stdout());
    let shown = shop.run(&["queues", "list", "--json"]).json();
    let images = shown.as_array().unwrap().iter().find(|queue| queue["name"] == "images").unwrap();
    assert_eq!(images["limits"], serde_json::json!({ "running": 4, "rate": "100/s" }));
    assert_eq!(shop.run(&["queues", "limit", "images", "--clear"]).code(), 0);
    assert!(!shop.run(&["status"]).stdout().contains("at once"));
    let job = shop.run(&["jobs", "list", "--kind", "import_products", "--json"]).json();
    assert!(job.to_string().contains("\"fairness_key\":\"acme\""), "{job}");
    for wrong in [&["--rate", "fast"][..], &["--running", "0"], &["--clear", "--running", "1"], &[]] {
        assert_eq!(shop.run(&[&["queues", "limit", "images"], wrong].concat()).code(), 2, "{wrong:?}");
    }
    let shop = Shop::new().with("BACKSTOCK__QUEUE__LIMITS__RATE__IMAGES", "fast");
    refused(&shop.run(&["config", "check"]), 2, &["queue.limits.rate.images", "fast", "100/s"]);
}
