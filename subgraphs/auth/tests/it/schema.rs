#[test]
fn the_schema_is_the_one_that_was_agreed() {
    insta::assert_snapshot!(auth::sdl());
}

#[test]
fn every_type_field_and_argument_is_described() {
    let sdl = auth::sdl();
    let sdl = sdl.split("extend schema").next().unwrap();
    let mut previous = "";
    let mut bare = Vec::new();
    for line in sdl.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let declares = ["type ", "enum ", "input "].iter().any(|word| line.starts_with(word));
        let field = line.split_once(':').is_some_and(|(name, _)| {
            let name = name.split('(').next().unwrap_or(name);
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        let value = line.bytes().all(|byte| byte.is_ascii_uppercase());
        let root = line.starts_with("type Query") || line.starts_with("type Mutation");
        if (declares || field || value) && !root && previous != "\"\"\"" {
            bare.push(line);
        }
        previous = line;
    }
    assert!(bare.is_empty(), "without a description: {bare:#?}");
}
