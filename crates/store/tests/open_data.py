"""Reads segments as anybody would, with pyarrow and with duckdb, and prints what is in them.

    python open_data.py FILE...

Both must agree on every number, or it fails. It knows the names of columns and nothing of our
index: spans by service and by operation, attributes by key and type, and the values of one key.
"""

import collections
import json
import sys

import duckdb
import pyarrow
import pyarrow.parquet

PREFIXES = {
    "attributes.": "string",
    "attributes_int64.": "int64",
    "attributes_float64.": "float64",
    "attributes_bool.": "bool",
}


def dense(name):
    """The key and type of a column of attributes; None for other columns."""
    for prefix, kind in PREFIXES.items():
        if name.startswith(prefix):
            return name[len(prefix):], kind
    return None


def with_pyarrow(files):
    rows = 0
    services, operations, keys = (collections.Counter() for _ in range(3))
    for file in files:
        table = pyarrow.parquet.ParquetFile(file, page_checksum_verification=True).read()
        table.validate(full=True)
        rows += table.num_rows
        names = table["service_name"].to_pylist()
        services.update(names)
        operations.update(f"{a} {b}" for a, b in zip(names, table["name"].to_pylist()))
        for name in table.column_names:
            if key := dense(name):
                keys[f"{key[0]} {key[1]}"] += table.num_rows - table[name].null_count
        for pairs in table["attributes_rest"].to_pylist():
            keys.update(f"{pair['key']} {pair['type']}" for pair in pairs)
    return rows, services, operations, keys


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def with_duckdb(files):
    database = duckdb.connect()
    rows = 0
    services, operations, keys = (collections.Counter() for _ in range(3))
    for file in files:
        source = "read_parquet('" + file.replace("'", "''") + "')"
        ask = lambda sql: database.execute(sql.replace("SPANS", source)).fetchall()
        rows += ask("select count(*) from SPANS")[0][0]
        services.update(dict(ask("select service_name, count(*) from SPANS group by 1")))
        sql = "select service_name || ' ' || name, count(*) from SPANS group by 1"
        operations.update(dict(ask(sql)))
        for name, *_ in ask("describe select * from SPANS"):
            if key := dense(name):
                keys[f"{key[0]} {key[1]}"] += ask(f"select count({quoted(name)}) from SPANS")[0][0]
        sql = """select pair.key || ' ' || pair.type, count(*)
                 from (select unnest(attributes_rest) as pair from SPANS) group by 1"""
        keys.update(dict(ask(sql)))
        # Pages are skipped by their least and greatest values: they must not lie.
        for service, count in ask("select service_name, count(*) from SPANS group by 1"):
            sql = f"select count(*) from {source} where service_name = ?"
            assert database.execute(sql, [service]).fetchone()[0] == count, service
        sql = """select count(*) from SPANS where start_unix_nanos between
                 (select min(start_unix_nanos) from SPANS)
                 and (select max(start_unix_nanos) from SPANS)"""
        assert ask(sql) == ask("select count(*) from SPANS"), "times"
    return rows, services, operations, keys


def main():
    files = sys.argv[1:]
    ours, theirs = with_pyarrow(files), with_duckdb(files)
    if ours != theirs:
        sys.exit(f"pyarrow and duckdb disagree:\n{ours}\n{theirs}")
    rows, services, operations, keys = ours
    clean = lambda counts: {key: count for key, count in sorted(counts.items()) if count}
    result = {
        "rows": rows,
        "services": clean(services),
        "operations": clean(operations),
        "keys": clean(keys),
    }
    print(json.dumps(result))


main()
