//! How every field is asked for the promise about internal failures, and which faults are put in its way: `products.unreadable` and the
//! like, of what it reads and writes. The panic of its resolver needs no mention.

/// Service, field, operation, faults.
pub(super) type Row = (&'static str, &'static str, &'static str, &'static [&'static str]);

const USERS: &[&str] = &["users.unreadable"];
const PRODUCTS: &[&str] = &["products.unreadable"];
const CATEGORIES: &[&str] = &["categories.unreadable"];
const ORDERS: &[&str] = &["orders.unreadable"];
const PRODUCT_CHANGED: &[&str] = &["products.unreadable", "products.unwritable"];
const CATEGORY_CHANGED: &[&str] = &["categories.unreadable", "categories.unwritable"];
const STOCK_CHANGED: &[&str] = &["stocks.unreadable", "stocks.unwritable"];
const ORDER_CHANGED: &[&str] = &["orders.unreadable", "orders.unwritable"];

/// The root fields of the graph. `@n` is another number each time.
pub(super) const GRAPH: &[Row] = &[
    ("auth", "users", "{ a@n: users(first: 1) { _id } }", USERS),
    ("auth", "usersConnection", "{ a@n: usersConnection(first: 1) { nodes { _id } } }", USERS),
    ("auth", "user", "{ a@n: user(id: \"@user\") { username } }", USERS),
    ("auth", "me", "{ a@n: me { role } }", USERS),
    // What it answers stands in the configuration.
    ("catalog", "shop", "{ a@n: shop { name } }", &[]),
    ("catalog", "products", "{ a@n: products(first: 1) { name } }", PRODUCTS),
    ("catalog", "productsConnection", "{ a@n: productsConnection(first: 1) { nodes { name } } }", PRODUCTS),
    ("catalog", "product", "{ a@n: product(id: \"@product\") { name } }", PRODUCTS),
    ("catalog", "productBySlug", "{ a@n: productBySlug(slug: \"tea\") { name } }", PRODUCTS),
    ("catalog", "categories", "{ a@n: categories { name } }", CATEGORIES),
    ("catalog", "category", "{ a@n: category(slug: \"teas\") { name } }", CATEGORIES),
    ("catalog", "managedProduct", "{ a@n: managedProduct(id: \"@product\") { name } }", PRODUCTS),
    ("catalog", "managedProducts", "{ a@n: managedProducts(first: 1) { nodes { name } } }", PRODUCTS),
    (
        "inventory",
        "stockMovements",
        "{ a@n: stockMovements(product: \"@product\", first: 1) { nodes { quantity } } }",
        &["movements.unreadable"],
    ),
    ("inventory", "lowStock", "{ a@n: lowStock(first: 1) { nodes { available } } }", &["stocks.unreadable"]),
    ("order", "orders", "{ a@n: orders(first: 1) { status } }", ORDERS),
    ("order", "ordersConnection", "{ a@n: ordersConnection(first: 1) { totalCount } }", ORDERS),
    ("order", "order", "{ a@n: order(id: \"@order\") { status } }", ORDERS),
    ("order", "sagas", "{ a@n: sagas(first: 1) { totalCount } }", ORDERS),
    // They stand in the event log, which is there or is not: `UNAVAILABLE`.
    ("order", "deadLetters", "{ a@n: deadLetters(first: 1) { totalCount } }", &[]),
    ("order", "operations", "{ a@n: operations(first: 1) { totalCount } }", &["operations.unreadable"]),
    (
        "auth",
        "registerUser",
        "mutation { registerUser(input: { username: \"new@n\", password: \"a long password\" }) { access_token } }",
        &["users.unwritable", "sessions.unwritable"],
    ),
    (
        "auth",
        "login",
        "mutation { login(input: { username: \"ann\", password: \"a long password\" }) { access_token } }",
        &["users.unreadable", "sessions.unwritable"],
    ),
    (
        "auth",
        "refreshToken",
        "mutation { refreshToken(refresh_token: \"@refresh\") { access_token } }",
        &["sessions.unreadable", "sessions.unwritable", "users.unreadable"],
    ),
    ("auth", "logout", "mutation { logout(refresh_token: \"@refresh\") }", &["sessions.unreadable"]),
    (
        "auth",
        "changePassword",
        "mutation { changePassword(current: \"not the password\", new: \"another password\") { access_token } }",
        USERS,
    ),
    (
        "auth",
        "setRole",
        "mutation { setRole(user: \"@user\", role: SELLER) { _id } }",
        &["users.unreadable", "users.unwritable"],
    ),
    (
        "catalog",
        "createProduct",
        "mutation { createProduct(input: { name: \"Tea @n\", price: 1, quantity: 1 }) { _id } }",
        &["products.unwritable"],
    ),
    (
        "catalog",
        "updateProduct",
        "mutation { updateProduct(id: \"@product\", input: { price: 5@n }) { _id } }",
        PRODUCT_CHANGED,
    ),
    (
        "catalog",
        "createCategory",
        "mutation { createCategory(input: { name: \"Teas @n\" }) { slug } }",
        CATEGORY_CHANGED,
    ),
    (
        "catalog",
        "updateCategory",
        "mutation { updateCategory(id: \"@category\", input: { name: \"Teas @n\" }) { slug } }",
        CATEGORY_CHANGED,
    ),
    (
        "inventory",
        "adjustStock",
        "mutation { adjustStock(input: { product: \"@product\", expected: 99, quantity: 90, reason: \"count\" }) { available } }",
        STOCK_CHANGED,
    ),
    (
        "inventory",
        "restock",
        "mutation { restock(input: { product: \"@product\", quantity: 1 }) { available } }",
        STOCK_CHANGED,
    ),
    (
        "order",
        "placeOrder",
        "mutation { placeOrder(products: [{ _id: \"@product\", quantity: 1 }], idempotencyKey: \"k@n\") { _id } }",
        ORDER_CHANGED,
    ),
    ("order", "advanceOrder", "mutation { advanceOrder(id: \"@order\", to: PACKED) { _id } }", ORDER_CHANGED),
    (
        "order",
        "retrySaga",
        "mutation { retrySaga(id: \"@order\") { step } }",
        &["orders.unreadable", "operations.unwritable"],
    ),
    (
        "order",
        "replayDeadLetter",
        "mutation { replayDeadLetter(group: \"inventory\", id: \"@user\") }",
        &["operations.unwritable"],
    ),
    ("order", "cancelOrder", "mutation { cancelOrder(id: \"@order\") { _id } }", ORDER_CHANGED),
    ("catalog", "archiveProduct", "mutation { archiveProduct(id: \"@product\") { _id } }", PRODUCT_CHANGED),
];

/// Entities, as the router asks for them.
pub(super) const THROUGH_THE_GRAPH: &[Row] = &[
    ("auth", "User", "{ a@n: orders(first: 1) { user { username } } }", USERS),
    ("catalog", "Product", "{ a@n: orders(first: 1) { products { product { name } } } }", PRODUCTS),
    (
        "inventory",
        "Product",
        "{ a@n: managedProducts(first: 1) { nodes { quantity } } }",
        &["stocks.unreadable"],
    ),
];

/// Service, who may ask it and for what, field, operation, faults.
type ServiceRow =
    (&'static str, (&'static str, &'static str), &'static str, &'static str, &'static [&'static str]);

/// What only services ask.
pub(super) const SERVICES: &[ServiceRow] = &[
    ("catalog", ("order", "catalog:offers"), "offers", "{ offers(ids: [\"@product\"]) { price } }", PRODUCTS),
    (
        "inventory",
        ("catalog", "stock:create"),
        "createStock",
        "mutation { createStock(product: \"@user\", quantity: 0) }",
        &["stocks.unwritable"],
    ),
    (
        "inventory",
        ("catalog", "stock:create"),
        "discardStock",
        "mutation { discardStock(product: \"@user\") }",
        STOCK_CHANGED,
    ),
    // With an end that has passed, since nothing is to stay held.
    (
        "inventory",
        ("order", "stock:reserve"),
        "reserveStock",
        "mutation { reserveStock(order: \"@user\", lines: [{ product: \"@product\", quantity: 1 }], expiresAt: \"2026-01-01T00:00:00Z\") }",
        &["stocks.unreadable"],
    ),
    (
        "inventory",
        ("order", "stock:reserve"),
        "commitStock",
        "mutation { commitStock(order: \"@user\", products: [\"@product\"]) }",
        &["stocks.unreadable"],
    ),
    (
        "inventory",
        ("order", "stock:reserve"),
        "releaseStock",
        "mutation { releaseStock(order: \"@user\", products: [\"@product\"]) }",
        STOCK_CHANGED,
    ),
    (
        "order",
        ("inventory", "order:settle"),
        "settleOrder",
        "mutation { settleOrder(id: \"@order\") }",
        ORDERS,
    ),
];

/// Service, entity, fields, fault.
pub(super) const ENTITIES: &[(&str, &str, &str, &str)] = &[
    ("auth", "User", "username role", "users.unreadable"),
    ("catalog", "Product", "name price", "products.unreadable"),
    ("inventory", "Product", "quantity", "stocks.unreadable"),
];
