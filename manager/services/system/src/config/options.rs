//! `GetGlobalConfigOptions`: what a setting may be.

use async_trait::async_trait;
use cumulo_contracts::api::config::{GetGlobalConfigOptions, GetGlobalConfigOptionsReply};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    config::ConfigRule,
};
use cumulo_schema::ErrorCode;
use serde_json::{Value, json};

use super::Configs;

#[async_trait]
impl HandleApi<GetGlobalConfigOptions> for Configs {
    async fn handle(&self, _cx: &ApiCx, api: GetGlobalConfigOptions) -> Result<GetGlobalConfigOptionsReply, ErrorCode> {
        let def = self.kernel.configs().def(&api.category, &api.name)?;
        Ok(GetGlobalConfigOptionsReply { options: Some(options(def.rule)) })
    }
}

/// The wire's `GlobalConfigOptions`.
fn options(rule: ConfigRule) -> Value {
    match rule {
        // The wire has no form for times with units.
        ConfigRule::Text | ConfigRule::Span { .. } => json!({}),
        ConfigRule::Boolean => json!({ "validValue": ["true", "false"] }),
        ConfigRule::OneOf(values) => json!({ "validValue": values }),
        ConfigRule::Integer(least, most) => {
            json!({ "numberGreaterThanOrEqual": least, "numberLessThanOrEqual": most })
        }
        // The wire has whole numbers only: the whole ones within the limits.
        ConfigRule::Number(least, most) => {
            json!({ "numberGreaterThanOrEqual": whole(least.ceil()), "numberLessThanOrEqual": whole(most.floor()) })
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "limits of settings are small, and a cast of a large one saturates"
)]
fn whole(limit: f64) -> i64 {
    limit as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_form_on_the_wire() {
        assert_eq!(options(ConfigRule::Text), json!({}));
        assert_eq!(options(ConfigRule::OneOf(&["a", "b"])), json!({ "validValue": ["a", "b"] }));
        let within =
            |least: i64, most: i64| json!({ "numberGreaterThanOrEqual": least, "numberLessThanOrEqual": most });
        assert_eq!(options(ConfigRule::Integer(1, 9)), within(1, 9));
        assert_eq!(options(ConfigRule::Number(0.5, 9.5)), within(1, 9));
    }
}
