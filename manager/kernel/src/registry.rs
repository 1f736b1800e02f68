//! Extension points: traits declared in `contracts`, implemented in plugins, found here by the services that use them.
//!
//! The list of what a build contains stands in `manager/app`; nothing registers itself behind anyone's back. Observers are
//! asked in the order of that list; drivers are found by the type they serve.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::Arc,
};

use cumulo_schema::{ErrorCode, codes};

/// What is installed; fixed once the node has started.
#[derive(Default)]
pub struct Registry {
    observers: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
    drivers: HashMap<(TypeId, String), Box<dyn Any + Send + Sync>>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kinds: Vec<_> = self.drivers.keys().map(|(_, kind)| kind).collect();
        f.debug_struct("Registry").field("observers", &self.observers.len()).field("drivers", &kinds).finish()
    }
}

impl Registry {
    pub(crate) fn add<T: ?Sized + Send + Sync + 'static>(&mut self, observer: Arc<T>) {
        let list = self.observers.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(Vec::<Arc<T>>::new()));
        if let Some(list) = list.downcast_mut::<Vec<Arc<T>>>() {
            list.push(observer);
        }
    }

    /// # Panics
    /// When the type has a driver already: two plugins serve one type.
    pub(crate) fn add_driver<T: ?Sized + Send + Sync + 'static>(&mut self, kind: &str, driver: Arc<T>) {
        let taken = self.drivers.insert((TypeId::of::<T>(), kind.to_owned()), Box::new(driver)).is_some();
        assert!(!taken, "two drivers for {kind} of {}", std::any::type_name::<T>());
    }

    /// Every observer of `T`, in the order of installation; none is a normal case.
    #[must_use]
    pub fn all<T: ?Sized + Send + Sync + 'static>(&self) -> &[Arc<T>] {
        let list = self.observers.get(&TypeId::of::<T>()).and_then(|list| list.downcast_ref::<Vec<Arc<T>>>());
        list.map_or(&[], Vec::as_slice)
    }

    /// The driver of `T` for `kind`, `what` naming the trait for people: "primary storage".
    ///
    /// # Errors
    /// SYS.1013 when no plugin of this build serves that type.
    pub fn driver<T: ?Sized + Send + Sync + 'static>(&self, what: &str, kind: &str) -> Result<Arc<T>, ErrorCode> {
        let found = self.drivers.get(&(TypeId::of::<T>(), kind.to_owned()));
        found.and_then(|driver| driver.downcast_ref::<Arc<T>>()).cloned().ok_or_else(|| {
            let known = self.kinds::<T>().join(", ");
            ErrorCode::new(
                codes::NO_CAPABILITY,
                format!("no installed plugin serves {what} of type '{kind}'; there is: {known}"),
            )
        })
    }

    /// The types that `T` has drivers for, sorted.
    #[must_use]
    pub fn kinds<T: ?Sized + Send + Sync + 'static>(&self) -> Vec<String> {
        let of_trait = self.drivers.keys().filter(|(id, _)| *id == TypeId::of::<T>());
        let mut kinds: Vec<String> = of_trait.map(|(_, kind)| kind.clone()).collect();
        kinds.sort();
        kinds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    trait Greets: Send + Sync {
        fn greet(&self) -> &'static str;
    }
    struct English;
    struct German;
    impl Greets for English {
        fn greet(&self) -> &'static str {
            "hello"
        }
    }
    impl Greets for German {
        fn greet(&self) -> &'static str {
            "hallo"
        }
    }

    #[test]
    fn observers_keep_their_order_and_drivers_go_by_type() {
        let mut registry = Registry::default();
        assert!(registry.all::<dyn Greets>().is_empty());
        registry.add::<dyn Greets>(Arc::new(English));
        registry.add::<dyn Greets>(Arc::new(German));
        registry.add_driver::<dyn Greets>("de", Arc::new(German));
        let greetings: Vec<_> = registry.all::<dyn Greets>().iter().map(|greets| greets.greet()).collect();
        assert_eq!(greetings, ["hello", "hallo"]);
        assert_eq!(registry.driver::<dyn Greets>("greeting", "de").expect("installed").greet(), "hallo");
        let missing = registry.driver::<dyn Greets>("greeting", "fr").err().expect("not installed");
        assert!(missing.details.contains("fr") && missing.details.contains("de"), "{missing}");
    }
}
