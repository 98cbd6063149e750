"""Supabase Auth for one machine: the part of its HTTP API that supabase-js speaks, over the real auth tables."""
