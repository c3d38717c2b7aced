//! Whose failed attempts to prove a password are counted together. How they are punished is kit's.

use std::net::IpAddr;

use kit::limit::Subject;

use super::username::UsernameKey;

/// An account, whether there is one of that name or not.
#[must_use]
pub fn account(name: &UsernameKey) -> Subject {
    Subject::of("account", name.as_str().as_bytes())
}

/// A client's address. Of IPv6 the first 64 bits count: they are one household's or one machine's, which can take
/// any address below them.
#[must_use]
pub fn address(text: &str) -> Subject {
    match text.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => Subject::of("v4", &address.octets()),
        Ok(IpAddr::V6(address)) => Subject::of("v6", &address.octets()[..8]),
        Err(_) => Subject::of("other", text.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::username::Username;

    #[test]
    fn addresses_of_one_network_are_one_bucket() {
        assert_eq!(address("2001:db8:1:2::1"), address("2001:db8:1:2:ffff::9"));
        assert_ne!(address("2001:db8:1:2::1"), address("2001:db8:1:3::1"));
        assert_eq!(address("192.0.2.1"), address("::ffff:192.0.2.1"));
        assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
        assert_ne!(address("ann"), account(&Username::parse("ann").unwrap().key()));
    }
}
