//! The catalog as its callers see it: through its HTTP endpoint, on real engines, with an inventory that does as it is told.

mod archive_product;
mod cache_tags;
mod categories;
mod category_changed;
mod create_product;
mod create_product_failures;
mod entity;
mod managed_products;
mod matrix;
mod offers;
mod product;
mod products;
mod products_connection;
mod schema;
mod shop;
mod shop_query;
mod stock_changed;
mod update_product;
