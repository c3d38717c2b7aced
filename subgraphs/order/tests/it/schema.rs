#[test]
fn the_schema_is_the_one_that_was_agreed_on() {
    insta::assert_snapshot!(order::sdl());
}

#[test]
fn what_only_services_may_call_is_inaccessible() {
    let sdl = order::sdl();
    for inaccessible in ["settleOrder(", "enum OrderFate"] {
        let line = sdl.lines().find(|line| line.contains(inaccessible)).unwrap();
        assert!(line.contains("@inaccessible"), "{line}");
    }
}
