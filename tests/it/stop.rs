//! Ctrl-C before anything runs.

use crate::support::Shop;
use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

#[test]
fn an_import_that_waits_for_its_model_ends_when_interrupted() {
    let shop = Shop::new();
    shop.file("good.csv", "sku,title,price,currency\nA,Lamp,1.00,EUR\n");
    std::fs::create_dir(shop.path("model")).unwrap();
    let pipe = shop.path("model").join("tokenizer.json");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let shop = shop.with("BACKSTOCK__EMBEDDING__MODEL", "minilm").with("BACKSTOCK__EMBEDDING__PATH", "model");
    let mut command = shop.command();
    command.args(["import", "good.csv"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut import = command.spawn().unwrap();
    // Opens when the other end is opened: the import reads its model, and never gets to the end of it.
    let writer = File::options().write(true).open(&pipe).unwrap();
    let pid = import.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let code = import.wait().unwrap().code();
    let mut said = String::new();
    import.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("stopping") && said.contains("interrupted"), "{said}");
    drop(writer);
}
