-- The queue of questions about what people say of a symbol; observe_market sends them where the source is switched on.
set local lock_timeout = '5s';

select queueing.create_queue('observe_sentiment');
