-- Runs once, in an empty data folder; the database of the catalog is there already.
CREATE DATABASE airflow;
