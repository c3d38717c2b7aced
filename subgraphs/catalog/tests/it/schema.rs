#[test]
fn the_schema_is_the_one_that_was_agreed() {
    insta::assert_snapshot!(catalog::sdl());
}

#[test]
fn every_type_field_and_argument_is_described() {
    let sdl = catalog::sdl();
    let sdl = sdl.split("extend schema").next().unwrap();
    let mut previous = "";
    let mut bare = Vec::new();
    for line in sdl.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let declares = ["type ", "enum ", "input "].iter().any(|word| line.starts_with(word));
        let field = line.split_once(':').is_some_and(|(name, _)| {
            let name = name.split('(').next().unwrap_or(name);
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        let value = line.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        let root = line.starts_with("type Query") || line.starts_with("type Mutation");
        if (declares || field || value) && !root && !previous.ends_with("\"\"\"") && !previous.ends_with('"')
        {
            bare.push(line);
        }
        previous = line;
    }
    assert!(bare.is_empty(), "without a description: {bare:#?}");
}

#[test]
fn the_contract_is_kept_to_the_letter() {
    let sdl = catalog::sdl();
    for line in [
        "type Product @key(fields: \"_id\")",
        "_id: ID!",
        "name: String!",
        "price: Int!",
        "): [Product]\n",
        "): Product\n",
        "quantity: Int!",
    ] {
        assert!(sdl.contains(line), "{line}\n{sdl}");
    }
    let product = sdl.split("type Product @key").nth(1).unwrap().split("\n}").next().unwrap();
    assert!(!product.contains("quantity") && !product.contains("stock"), "those are inventory's");
}
