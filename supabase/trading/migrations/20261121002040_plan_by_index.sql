-- A queue is empty when its statements are planned and holds a million messages a minute later. A plan that walks the
-- table, made while it was one page, would then be kept until the next vacuum; so the worker always plans by index.
set local lock_timeout = '5s';

alter role zmarty_worker set enable_seqscan = off;
-- Where no index serves, the planner's penalty for walking a table would otherwise look like work worth compiling.
alter role zmarty_worker set jit = off;
