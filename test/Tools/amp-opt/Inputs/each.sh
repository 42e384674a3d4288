# each.sh FOLDER PROGRAM...: runs the program on each file of the folder; one line
# each, the exit status and what it says.
folder=$1
shift
for file in "$folder"/*; do
  said=$("$@" "$file" 2>&1 >/dev/null)
  echo "$? $said"
done
