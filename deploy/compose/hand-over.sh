#!/bin/sh
# Copies the files of each role to a volume of its own, readable by one user alone. Repeating it takes renewed files over.
#   hand-over.sh FROM TO USER
set -eu
umask 077
for role in silo front; do
  for file in "$1/$role"/*; do
    name=$(basename "$file")
    cp "$file" "$2/$role/.$name.new"
    chown "$3:$3" "$2/$role/.$name.new"
    chmod 0400 "$2/$role/.$name.new"
    mv "$2/$role/.$name.new" "$2/$role/$name"
  done
  chown "$3:$3" "$2/$role"
  chmod 0500 "$2/$role"
done
