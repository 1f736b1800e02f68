//! What is wrong with a statement is said with its place and with what would have been right, quickly, whatever it is.

use std::time::{Duration, Instant};

use cumulo_kernel::bus::Caller;

use super::cloud::Cloud;

/// The longest that a refusal may take.
const LIMIT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn every_mistake_is_named_where_it_stands() {
    let cloud = Cloud::new(false).await;
    let mut wrong = Vec::new();
    for (zql, words) in [
        ("", &["line 1, column 1", "'query'", "'count'", "'sum'", "found the end"][..]),
        ("qurey vminstance", &["line 1, column 1", "did you mean 'query'?"]),
        ("query vminstanse", &["line 1, column 7", "no resource 'vminstanse'", "did you mean 'vminstance'?"]),
        ("query vminstance wher name = 'a'", &["line 1, column 18", "'where'", "did you mean 'where'?"]),
        ("query vminstance\nwhere nmae = 'a'", &["line 2, column 7", "no field 'nmae'", "did you mean 'name'?"]),
        ("query vminstance where vmNics.ipp = 'a'", &["line 1, column 24", "no field 'ipp'", "'ip'"]),
        ("query vminstance.nam", &["no field 'nam'", "'name'"]),
        ("query vminstance where name ~ 'a'", &["line 1, column 29", "an operator", "found '~'"]),
        ("query vminstance where name = webvm", &["line 1, column 31", "in quotes"]),
        ("query vminstance where name = null", &["is null"]),
        ("query vminstance where name = 'webvm", &["line 1, column 31", "not closed"]),
        ("query vminstance where name in (query host)", &["line 1, column 39", "must select one field"]),
        ("query vminstance where name in (query host.uuid,name)", &["must select one field, not 2"]),
        ("query vminstance where name > (query host.uuid)", &["sub-query goes with 'in'"]),
        ("query vminstance limit -1", &["line 1, column 24", "whole number from 0 on, not -1"]),
        ("query vminstance limit 1.5", &["whole number"]),
        ("query vminstance limit many", &["expected a number"]),
        ("query vminstance limit 99999999999999999999", &["whole number"]),
        ("query vminstance where createDate > 'soon'", &["'createDate' is a point in time", "'soon' is not"]),
        ("query vminstance where cpuNum = 'two'", &["'cpuNum' is a whole number", "'two' is not"]),
        ("query vminstance order by cpuNumm", &["no field 'cpuNumm'", "'cpuNum'"]),
        ("query vminstance order by RANDOM(name)", &["no function 'RANDOM'", "INET_ATON"]),
        ("query median(vminstance.cpuNum)", &["no function 'median'", "avg"]),
        ("query max(vminstance.cpuNum,name)", &["one field"]),
        ("query sum(vminstance.name)", &["'name' is no number"]),
        ("count vminstance order by name", &["has no order"]),
        ("query vminstance restrict by (managementnode.uuid = 'x')", &["is not connected with"]),
        ("query vminstance return with (totals)", &["nothing is returned as 'totals'"]),
        ("query vminstance return with (zwatch{metricNam='a'})", &["did you mean 'metricName'?"]),
        ("query vminstance return with (zwatch{period=1})", &["needs a metricName"]),
        ("query vminstance return with (zwatch{metricName='a'})", &["keeps no metrics", "install"]),
        ("query vminstance return with (zwatch{metricName='a'},zwatch{metricName='b'})", &["resultName"]),
        ("query vminstance filter by zwatch{cpu > 0 during 5m}", &["zwatch", "no installed plugin"]),
        ("query zone named as 'a'; query host named as 'a'", &["line 1, column 46", "two statements are named 'a'"]),
        ("query vminstance inner join vminstance on name = 'a'", &["joined with itself or twice"]),
        ("query vminstance where vmNics.ip = 'a' limit 1 where", &["found 'where'"]),
        ("query l2networkclusterref group by clusterUuid", &["has no id", "count"]),
    ] {
        let error = cloud.results(zql).await.expect_err(zql);
        for word in words {
            if !error.details.contains(word) {
                wrong.push(format!("{zql}\n  {}\n  lacks {word}", error.details));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn what_is_too_large_costs_nothing() {
    let cloud = Cloud::new(false).await;
    let deep = |levels: usize| format!("query zone where {}name = 'a'{}", "(".repeat(levels), ")".repeat(levels));
    let nested = |levels: usize| {
        let open = "uuid in (query zone.uuid where ".repeat(levels);
        format!("query zone where {open}name = 'a'{}", ")".repeat(levels))
    };
    let conditions = |count: usize, joint: &str| format!("query zone where {}", vec!["name='a'"; count].join(joint));
    let values = |count: usize| format!("query zone where name in ({})", vec!["1"; count].join(","));
    let large = [
        ("a megabyte", format!("query zone where name = '{}'", "x".repeat(1 << 20)), "at most 65536 bytes"),
        ("many conditions", conditions(10_000, " and "), "at most"),
        ("as many as fit", conditions(4_000, " or "), "at most 500 conditions"),
        ("a thousand levels", deep(1000), "at most 64 levels"),
        ("a thousand open", "(".repeat(1000), "at most 64 levels"),
        ("nested sub-queries", nested(100), "at most 64 levels"),
        ("as many as fit", nested(60), "at most 16 resources"),
        ("many values", values(30_000), "at most 10000 values"),
        ("many statements", "query zone;".repeat(200), "at most 100 statements"),
        ("many braces", format!("query zone filter by x{}", "{".repeat(5000)), "at most 64 levels"),
        ("only signs", ".".repeat(60_000), "at most 25000 words"),
        ("only words", "query ".repeat(10_000), "expected"),
        ("long names", format!("query zone where {} = 'a'", "n".repeat(60_000)), "no field"),
        ("long paths", format!("query zone where {}name = 'a'", "cluster.zone.".repeat(4000)), "at most 16 resources"),
    ];
    for (what, zql, words) in large {
        // The machine may be busy with something else once.
        let (mut took, mut error) = (Duration::MAX, Ok(vec![]));
        for _ in 0..3 {
            let begun = Instant::now();
            error = cloud.node.kernel().query().zql(&Caller::SYSTEM, &zql, false).await;
            took = took.min(begun.elapsed());
        }
        let error = error.expect_err(what);
        assert!(error.details.contains(words), "{what}: {error}");
        assert!(took < LIMIT, "{what} took {took:?}");
    }
    let chain = conditions(480, " and ");
    let nest = nested(16);
    let nest = nest.strip_prefix("query zone where ").expect("so it begins");
    let after = format!("{chain} and {nest}");
    let before =
        format!("query zone where {nest} and {}", chain.strip_prefix("query zone where ").expect("so it begins"));
    for (what, zql) in [
        ("both", after),
        ("both", before),
        ("levels", deep(60)),
        ("sub-queries", nested(16)),
        ("conditions", conditions(500, " or ")),
    ] {
        let answered = cloud.node.kernel().query().zql(&Caller::SYSTEM, &zql, false).await;
        assert!(answered.is_ok(), "what is within the limits is answered ({what}): {answered:?}");
    }
}
