"""MySQL and MariaDB, by aiomysql."""
