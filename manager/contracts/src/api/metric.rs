//! What hosts and virtual machines use.

use cumulo_derive::{api, reply};
use serde_json::Value;

/// Answers points of a metric: of all hosts, or of the caller's virtual machines.
#[api(get "/zwatch/metrics", group = "zwatch", service = "zwatch", package = "org.zstack.zwatch.api", reply = GetMetricDataReply)]
pub struct GetMetricData {
    /// ZStack/VM or ZStack/Host.
    #[param(max_length = 255)]
    pub namespace: String,
    /// Which one: CPUAverageUsedUtilization, MemoryUsedInPercent, DiskReadBytes, NetworkAllInBytes …
    #[param(max_length = 255)]
    pub metric_name: String,
    /// From when on, in seconds since 1970; an hour ago unless given.
    pub start_time: Option<i64>,
    /// Until when, in seconds since 1970; now unless given.
    pub end_time: Option<i64>,
    /// From how many seconds ago on, instead of `startTime`.
    pub offset_ahead_of_current_time: Option<i64>,
    /// Seconds from one point to the next; what suits the time asked about unless given.
    #[param(range(1, 2147483647))]
    pub period: Option<i32>,
    /// Conditions on labels: VMUuid=…, CPUNum!=0, VMUuid=~a|b, VMUuid!~a|b
    pub labels: Option<Vec<String>>,
    /// Conditions on values: >80
    pub value_conditions: Option<Vec<String>>,
    /// What is made of the points, in this order: average(groupBy="VMUuid"), top(num=5), limit(limit=10), max, min, sum
    pub functions: Option<Vec<String>>,
}

/// What [`GetMetricData`] answers.
#[reply(members)]
pub struct GetMetricDataReply {
    /// The points: `value`, `time` in seconds since 1970, `labels`.
    #[member(of = "List<Datapoint>")]
    pub data: Vec<Value>,
}
