//! Inventory through its endpoint: a file per root field or event.

mod adjust_stock;
mod commit_stock;
mod create_stock;
mod discard_stock;
mod expiry;
mod history;
mod identity;
mod low_stock;
mod order_events;
mod product;
mod races;
mod release_stock;
mod reserve_stock;
mod restock;
mod schema;
mod shop;
mod stock_events;
mod stock_movements;
mod tags;
