#[test]
fn the_schema_is_the_published_one() {
    insta::assert_snapshot!(inventory::sdl());
}

#[test]
fn what_only_services_may_call_is_hidden_from_clients() {
    let sdl = inventory::sdl();
    for field in ["createStock", "discardStock", "reserveStock", "commitStock", "releaseStock"] {
        let rest = sdl.split(&format!("\t{field}(")).nth(1).unwrap();
        let end = rest.lines().find(|line| line.starts_with("\t)")).unwrap();
        assert!(end.ends_with("@inaccessible"), "{field}: {end}");
    }
    assert!(sdl.contains("input StockLineInput @inaccessible"));
}
