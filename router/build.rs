//! Builds the router anew when `make web` has made the bundles that are embedded in it.

fn main() {
    println!("cargo:rerun-if-changed=graphiql/dist");
    println!("cargo:rerun-if-changed=../frontend/dist");
}
