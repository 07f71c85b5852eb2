"""The edge: the proxy that leads host names to the guests of apps.

One process (``process.Conductor``) reads the table of routes from a file, asks the guests how
they are and tells an ``Edge``: Caddy (``caddy.CaddyEdge``) or the balancer in this very process
(``local.LocalEdge``). Nobody else is needed for that: with database, Redis and all workers gone
it goes on with the last table.
"""
