//! Where an order stands, and the one table of where it may go from there.

use serde::{Deserialize, Serialize};

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderStatus {
    /// Written down; its stock is being reserved.
    Pending,
    /// Its stock is reserved: it is a sale.
    Confirmed,
    /// Ready to leave.
    Packed,
    /// On its way.
    Shipped,
    /// With the shopper.
    Delivered,
    /// There was not enough stock.
    Rejected,
    /// Ended before it was shipped; its stock goes back.
    Cancelled,
}

impl OrderStatus {
    /// Every status, in the order of an order's life.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Confirmed,
        Self::Packed,
        Self::Shipped,
        Self::Delivered,
        Self::Rejected,
        Self::Cancelled,
    ];

    /// The name on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Confirmed => "CONFIRMED",
            Self::Packed => "PACKED",
            Self::Shipped => "SHIPPED",
            Self::Delivered => "DELIVERED",
            Self::Rejected => "REJECTED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Whether the stock of such an order is sold (and not merely held, given back or never had).
    #[must_use]
    pub const fn is_sold(self) -> bool {
        matches!(self, Self::Confirmed | Self::Packed | Self::Shipped | Self::Delivered)
    }
}

impl std::fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// The table of transitions. Whatever is not in it is an error, never a silent no-op.
pub(crate) const fn allowed_next(from: OrderStatus) -> &'static [OrderStatus] {
    use OrderStatus::{Cancelled, Confirmed, Delivered, Packed, Pending, Rejected, Shipped};
    match from {
        Pending => &[Confirmed, Rejected, Cancelled],
        Confirmed => &[Packed, Cancelled],
        Packed => &[Shipped, Cancelled],
        Shipped => &[Delivered],
        Delivered | Rejected | Cancelled => &[],
    }
}

/// Until where the shopper may cancel: before it is PACKED. (Staff may until the table says no: before it is SHIPPED.)
pub(crate) const fn shopper_may_cancel(from: OrderStatus) -> bool {
    matches!(from, OrderStatus::Pending | OrderStatus::Confirmed)
}

/// The steps that staff take by hand. Every other change has a way of its own.
pub(crate) const fn is_fulfilment(to: OrderStatus) -> bool {
    matches!(to, OrderStatus::Packed | OrderStatus::Shipped | OrderStatus::Delivered)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pair of statuses: `x` where the change is allowed.
    #[test]
    fn allows_exactly_the_transitions_of_the_table() {
        let mut table = format!("{:<10}", "from \\ to");
        for to in OrderStatus::ALL {
            table += &format!("{to:>10}");
        }
        for from in OrderStatus::ALL {
            table += &format!("\n{:<10}", from.as_str());
            for to in OrderStatus::ALL {
                table += &format!("{:>10}", if allowed_next(from).contains(&to) { "x" } else { "." });
            }
        }
        insta::assert_snapshot!(table, @r"
        from \ to    PENDING CONFIRMED    PACKED   SHIPPED DELIVERED  REJECTED CANCELLED
        PENDING            .         x         .         .         .         x         x
        CONFIRMED          .         .         x         .         .         .         x
        PACKED             .         .         .         x         .         .         x
        SHIPPED            .         .         .         .         x         .         .
        DELIVERED          .         .         .         .         .         .         .
        REJECTED           .         .         .         .         .         .         .
        CANCELLED          .         .         .         .         .         .         .
        ");
    }

    #[test]
    fn writes_the_same_name_everywhere() {
        for status in OrderStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }

    #[test]
    fn every_status_can_be_reached_from_pending() {
        let mut reached = vec![OrderStatus::Pending];
        let mut next = 0;
        while next < reached.len() {
            for to in allowed_next(reached[next]) {
                if !reached.contains(to) {
                    reached.push(*to);
                }
            }
            next += 1;
        }
        assert_eq!(reached.len(), OrderStatus::ALL.len());
    }
}
