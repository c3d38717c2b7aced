//! Builds the router anew when `make web` has made GraphiQL's bundle, which is embedded in it.

fn main() {
    println!("cargo:rerun-if-changed=graphiql/dist");
}
