#[test]
fn the_schema_is_the_published_one() {
    insta::assert_snapshot!(inventory::sdl());
}

#[test]
fn what_only_services_may_call_is_hidden_from_clients() {
    let sdl = inventory::sdl();
    for hidden in ["createStock(", "discardStock(", "reserveStock(", "commitStock(", "releaseStock(", "input StockLineInput"] {
        let line = sdl.lines().find(|line| line.contains(hidden)).unwrap();
        assert!(line.contains("@inaccessible"), "{line}");
    }
}
