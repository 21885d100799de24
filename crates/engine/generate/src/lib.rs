//! ApplicationSets: generators in, Applications out.
