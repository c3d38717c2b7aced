//! What is kept under which key. All keys share a hash tag, so that a cluster keeps one log on one node, as the scripts need.

/// The names of one log's keys.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    /// The stream.
    pub(super) log: String,
    /// The log's own name and the version of the keys (hash).
    pub(super) head: String,
    /// The ids of what was published lately, by time (sorted set).
    pub(super) seen: String,
    /// The groups by when they were last joined (sorted set).
    pub(super) groups: String,
    /// The processes that take events, by when their last sign of life runs out (sorted set).
    pub(super) members: String,
    /// Where what may have become due is told.
    pub(super) channel: String,
    prefix: String,
}

/// What a group keeps, in the order in which the scripts take it.
const OF_A_GROUP: [&str; 12] = [
    "topics", "open", "lanes", "tops", "ready", "timers", "items", "ids", "bodies", "held", "dead", "graves",
];

impl Keys {
    pub(super) fn new(namespace: &str) -> Self {
        let key = |name: &str| format!("{{{namespace}}}:{name}");
        Self {
            log: key("log"),
            head: key("head"),
            seen: key("seen"),
            groups: key("groups"),
            members: key("members"),
            channel: key("wake"),
            prefix: key("group"),
        }
    }

    /// The topics of a group, each with how far it was read.
    pub(super) fn topics(&self, group: &str) -> String {
        format!("{}:{group}:topics", self.prefix)
    }

    /// The dead letters of a group by when they died.
    pub(super) fn graves(&self, group: &str) -> String {
        format!("{}:{group}:graves", self.prefix)
    }

    /// All that a script about a group may touch.
    pub(super) fn of(&self, group: &str) -> Vec<String> {
        let shared = [self.log.clone(), self.head.clone(), self.members.clone()];
        shared.into_iter().chain(self.own(group)).collect()
    }

    /// All that a group keeps.
    pub(super) fn own(&self, group: &str) -> impl Iterator<Item = String> {
        OF_A_GROUP.iter().map(move |name| format!("{}:{group}:{name}", self.prefix))
    }
}
