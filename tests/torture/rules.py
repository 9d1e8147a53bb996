"""The rules that durability rests on, and for each what breaks it: see mutants.py."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    name: str
    rule: str
    suite: str  # that is to catch it
    file: str
    old: str
    new: str = ""

    def fits(self, text: str) -> bool:
        return text.count(self.old) == 1

    def changed(self, text: str) -> str:
        assert self.fits(text)
        return text.replace(self.old, self.new)


JOURNAL = "src/store/hdf5/journal.cpp"
GROUP = "src/store/hdf5/journal_group.cpp"
DRIVER = "src/store/hdf5/driver.cpp"
SPACE = "src/store/hdf5/file_space.cpp"
LOCKS = "src/store/hdf5/file_locks.cpp"
TAIL = "src/store/hdf5/space_tail.cpp"
ACCESS = "src/store/hdf5/file_access.cpp"
BACKEND = "src/store/hdf5/backend.cpp"
ATTRIBUTES = "src/store/hdf5/attributes.cpp"
STATE = "src/store/hdf5/file_state.cpp"
STAGED = "src/store/staged_store.cpp"
LEDGER = "src/store/merge_ledger.cpp"

MUTANTS = [
    # ---- commits
    Mutant(
        "chunks not synced",
        "chunks are durable before the group that names them",
        "test_crash",
        JOURNAL,
        "  is_dead_ = true;\n  sync(descriptor_);\n  is_dead_ = false;\n",
    ),
    Mutant(
        "group not synced",
        "the group is durable before the commit returns",
        "test_crash",
        JOURNAL,
        "  sync(journal_);\n  enter();\n",
        "  enter();\n",
    ),
    Mutant(
        "journal not entered",
        "the journal's directory entry is durable before the commit returns",
        "test_crash",
        JOURNAL,
        "  enter();\n  is_dead_ = false;\n",
        "  is_dead_ = false;\n",
    ),
    Mutant(
        "alive after a failed sync of chunks",
        "after a sync of the file that failed nothing more is committed",
        "test_journal",
        JOURNAL,
        "  is_dead_ = true;\n  sync(descriptor_);\n",
        "  sync(descriptor_);\n",
    ),
    Mutant(
        "alive after a failed sync of the group",
        "after a sync of the journal that failed nothing more is committed",
        "test_journal",
        JOURNAL,
        "  is_dead_ = true;  // until the sync is done: after one that failed nobody knows what is on the disk\n",
    ),
    Mutant(
        "tail of the journal's group not cut",
        "a group holds nothing behind the end of its commit",
        "test_journal",
        JOURNAL,
        "wanted.end() > head.end() ? wanted.before(head.end()) : wanted",
        "wanted",
    ),
    Mutant(
        "group over a needed one",
        "groups go to gaps between those that a recovery needs",
        "test_journal",
        JOURNAL,
        "    if (at + length <= one.offset) break;\n",
        "    if (length > 0) break;\n",
    ),
    Mutant(
        "only the last group needed",
        "a group names the first one that is needed with it",
        "test_crash",
        JOURNAL,
        "head.first = is_whole ? head.number : first_;",
        "head.first = head.number;",
    ),
    Mutant(
        "groups before a whole one needed",
        "a group needs none of those that a whole one stands for",
        "test_journal",
        JOURNAL,
        "head.first = is_whole ? head.number : first_;",
        "head.first = is_whole ? head.number : applied_ + 1;",
    ),
    Mutant(
        "whole group without the older changes",
        "a group that replaces all others holds their changes",
        "test_journal",
        JOURNAL,
        "const auto& wanted = is_whole ? next_overlay : changes;",
        "const auto& wanted = changes;",
    ),
    Mutant(
        "journal without end",
        "a journal that nobody has applied for long is written anew as one group",
        "test_journal",
        JOURNAL,
        "const bool is_whole = live_bytes() > tolerated_bytes && live_bytes() > 2 * next_overlay.bytes();",
        "const bool is_whole = false;",
    ),
    Mutant(
        "ledger after the commit",
        "ids are in the commit of their merges",
        "test_store",
        BACKEND,
        """    const auto ledger = append_ledger(access_->file(), ledger_, changes.new_ledger_entries);
    if (changes.file != nullptr) write_file_record(access_->file(), file_, *changes.file);
    const auto stamp = write_stamp(access_->file(), access_->commit_number() + 1);
    access_->flush();
    access_->sync(stamp);
""",
        """    if (changes.file != nullptr) write_file_record(access_->file(), file_, *changes.file);
    const auto stamp = write_stamp(access_->file(), access_->commit_number() + 1);
    access_->flush();
    access_->sync(stamp);
    const auto ledger = append_ledger(access_->file(), ledger_, changes.new_ledger_entries);
""",
    ),
    Mutant(
        "commit without flush",
        "all that HDF5 holds is in the group",
        "test_store",
        BACKEND,
        "    access_->flush();\n    access_->sync(stamp);\n",
        "    access_->sync(stamp);\n",
    ),
    # ---- recovery
    Mutant(
        "group without checksum",
        "a group counts only with its checksum",
        "test_journal",
        GROUP,
        "    if (checksum.get<std::uint64_t>() != base::checksum(content, head.salt)) return std::nullopt;\n",
    ),
    Mutant(
        "salt not compared",
        "groups of another journal do not count",
        "test_journal",
        GROUP,
        " || found->head.salt != salt) throw",
        ") throw",
    ),
    Mutant(
        "missing group skipped",
        "a journal without a needed group is damaged",
        "test_journal",
        GROUP,
        "    if (known == all.whole.end()) throw missing(number);\n",
        "    if (known == all.whole.end()) continue;\n",
    ),
    Mutant(
        "any superblock",
        "a journal is applied only to a file with a superblock that it knows",
        "test_journal",
        JOURNAL,
        "  if (superblock.bytes.empty() || !is_mixed_from(superblock.bytes, groups, &journal_group::superblock)) "
        "return false;\n",
    ),
    Mutant(
        "any stamp",
        "a journal is applied only to a file with a stamp that it knows",
        "test_journal",
        JOURNAL,
        "return is_mixed_from(stamped, groups, &journal_group::stamp);",
        "return true;",
    ),
    Mutant(
        "torn superblock unknown",
        "a superblock that was written in part is known",
        "test_crash",
        JOURNAL,
        "state.size() == bytes.size() && state[i] == bytes[i];",
        "std::ranges::equal(state, bytes);",
    ),
    Mutant(
        "old journal beside a new file",
        "a file that is replaced loses its journal first",
        "test_hdf5_store",
        ACCESS,
        "    if (is_new_)\n      journal_.remove();\n    else\n",
        "    if (!is_new_)\n",
    ),
    Mutant(
        "half a commit believed",
        "a file that is half way to a commit is refused without its journal",
        "test_journal",
        JOURNAL,
        "} else if (!superblock.bytes.empty() && !found.is_empty()) {",
        "} else if (false) {",
    ),
    # ---- applying
    Mutant(
        "not marked",
        "the superblock is marked before anything is applied",
        "test_crash",
        JOURNAL,
        "  if (has_mark) write(offset, mark);\n  write(last.stamp",
        "  write(last.stamp",
    ),
    Mutant(
        "stamp not first",
        "the stamp is applied before anything else",
        "test_crash",
        JOURNAL,
        "  write(last.stamp.offset, last.stamp.states.back());\n",
    ),
    Mutant(
        "mark not synced",
        "mark and stamp are durable before anything is applied",
        "test_crash",
        JOURNAL,
        "last.stamp.states.back());\n  sync(descriptor_);\n",
        "last.stamp.states.back());\n",
    ),
    Mutant(
        "mark overwritten",
        "the mark stays while changes are applied",
        "test_crash",
        JOURNAL,
        "      masked.patch(at, with_mark);\n",
    ),
    Mutant(
        "unmarked before the sync",
        "what is applied is durable before the mark goes",
        "test_crash",
        JOURNAL,
        "  sync(descriptor_);\n  if (!has_mark) return;\n",
        "  if (!has_mark) return;\n",
    ),
    Mutant(
        "applied under readers",
        "no more is applied than up to the oldest reader's commit",
        "test_crash",
        JOURNAL,
        "apply_up_to(seen.older.empty() ? number_ : seen.older.front(), overlay, least_end, is_urgent);",
        "apply_up_to(number_, overlay, least_end, is_urgent);",
    ),
    Mutant(
        "newer commits applied with older",
        "while a reader stays, only groups up to its commit are applied",
        "test_space",
        JOURNAL,
        "add(one.head.number <= oldest ? seen : unseen, one.changes);",
        "add(seen, one.changes);",
    ),
    Mutant(
        "nothing applied beside readers",
        "readers that follow one another do not keep all commits from being applied",
        "test_space",
        JOURNAL,
        "} else if (oldest >= first_ && is_urgent) {",
        "} else if (oldest > number_) {",
    ),
    # ---- closing
    Mutant(
        "journal not emptied",
        "a journal is empty, durably, before it is removed",
        "test_crash",
        JOURNAL,
        "if (::ftruncate(journal_, 0) == 0 && ::fdatasync(journal_) == 0) ::unlink(path_.c_str());",
        "::unlink(path_.c_str());",
    ),
    Mutant(
        "closed beside a reader",
        "a journal stays for readers of older commits",
        "test_crash",
        JOURNAL,
        "if (!last_ || is_dead_ || applied_ != number_ || !locks_.close_entrance(patience)) return;",
        "if (!last_ || is_dead_ || !locks_.close_entrance(patience)) return;",
    ),
    Mutant(
        "cut after a failed sync",
        "after a failed sync the file keeps what a group on the disk may need",
        "test_failing_io",
        DRIVER,
        "  if (journal.is_dead()) return;\n",
    ),
    # ---- space
    Mutant(
        "replaced chunks free at once",
        "the space of a replaced chunk is used only when nobody sees it any more",
        "test_driver",
        SPACE,
        "    for (const auto& one : states_) usable = common(usable, free_of(one));\n",
    ),
    Mutant(
        "space of readers used",
        "what a reader's commit uses is not used again",
        "test_space",
        SPACE,
        "  if (!find(seen.applied) || !std::ranges::all_of(seen.older, find)) return false;\n",
        "  if (!find(seen.applied)) return false;\n",
    ),
    Mutant(
        "space of the file's commit used",
        "what the commit that the file itself has uses is not used again",
        "test_crash",
        SPACE,
        "  if (!find(seen.applied) || !std::ranges::all_of(seen.older, find)) return false;\n",
        "  if (!std::ranges::all_of(seen.older, find)) return false;\n",
    ),
    Mutant(
        "space of the commit before used",
        "a journal that loses its last commit leads to the one before it, not to what was written over it since",
        "test_crash",
        SPACE,
        "  if (states_.back().number > seen.applied && states_.size() > 1) kept.insert(states_.size() - 2);\n",
    ),
    Mutant(
        "space used that is still to be applied",
        "no chunk is placed where a commit has bytes that are still to be written to the file",
        "test_driver",
        SPACE,
        "    usable = common(usable, complement(unapplied));\n",
    ),
    Mutant(
        "space of waiting chunks used",
        "what was placed is nobody else's",
        "test_driver",
        SPACE,
        "    usable = common(usable, complement(placed));\n",
    ),
    Mutant(
        "space of HDF5 free",
        "what the commit takes is not free after it",
        "test_crash",
        SPACE,
        "  next_.remove(offset, found->second);\n",
    ),
    Mutant(
        "attributes made anew",
        "a commit that changes no size makes no header longer",
        "test_space",
        ATTRIBUTES,
        "!attribute.is_open() || !has_form(attribute, file_type, space)",
        "true",
    ),
    Mutant(
        "scratch taken",
        "what is gone before the commit takes no space",
        "test_space",
        DRIVER,
        "if (meets && !is_scratch)",
        "if (meets)",
    ),
    Mutant(
        "removed histograms keep their space",
        "chunks of a removed histogram are free",
        "test_space",
        BACKEND,
        "  for (auto id : changes.removed) retire_chunks(id);  // roll-ups go with the histogram that they are in\n",
    ),
    Mutant(
        "free extents not in the group",
        "free space outlives the opening",
        "test_space",
        GROUP,
        "    put_extents(out, free);\n",
        "    put_extents(out, std::span{free}.first(0));\n",
    ),
    Mutant(
        "placed over longer states",
        "nothing is placed before the end of a state that is seen",
        "test_file_space",
        SPACE,
        "    for (const auto& one : states_) end = std::max(end, one.end);\n",
    ),
    Mutant(
        "opened over longer states",
        "nothing is placed before the end of a state that an opening found",
        "test_file_space",
        SPACE,
        "  for (const auto& one : states_) end_ = std::max(end_, one.end);\n",
        "  end_ = std::max(end_, states_.back().end);\n",
    ),
    Mutant(
        "left places used at once",
        "a place that a commit leaves is nobody's until that commit is made",
        "test_file_space",
        "src/store/hdf5/file_space.hpp",
        "{ left_.push_back(offset); }",
        "{ give_back(offset); }",
    ),
    Mutant(
        "waiting chunks cut off",
        "the file keeps what waits behind the end of what is applied",
        "test_space",
        DRIVER,
        "checkpoint(journal, space_.placed_end(), is_urgent);",
        "checkpoint(journal, 0, is_urgent);",
    ),
    Mutant(
        "place of a failed commit given away",
        "what a failed commit gave to HDF5 is nobody else's",
        "test_driver",
        SPACE,
        "  placed_.erase(found);\n}\n",
        "}\n",
    ),
    Mutant(
        "free space of another file",
        "free space behind the end counts only with the superblock that it was written for",
        "test_space_tail",
        TAIL,
        "    if (!std::ranges::equal(in.take(in.get<std::uint64_t>()), superblock)) return {};\n",
        "    in.take(in.get<std::uint64_t>());\n",
    ),
    Mutant(
        "free space without checksum",
        "free space behind the end counts only with its checksum",
        "test_space_tail",
        TAIL,
        "    if (in.get<std::uint64_t>() != base::checksum(content)) return {};\n",
    ),
    Mutant(
        "used space believed free",
        "a committed chunk in what is thought free ends that belief",
        "test_space",
        DRIVER,
        "  if (space_.is_free(chunk.offset, chunk.size)) space_.forget_free();\n",
    ),
    # ---- reading
    Mutant(
        "read without the journal",
        "what commits in the journal changed is read from there",
        "test_crash",
        DRIVER,
        "  overlay_.patch(offset, to);\n",
    ),
    Mutant(
        "chunk checksums not read",
        "no chunk is returned without its checksum (uncompressed)",
        "test_codec",
        "src/codec/deflate_coder.cpp",
        "  if (status != Z_STREAM_END)\n",
        "  if (status != Z_STREAM_END && status != Z_DATA_ERROR)\n",
    ),
    Mutant(
        "labels without checksum",
        "axes, labels and storage have their checksum",
        "test_hdf5_store",
        "src/store/hdf5/histogram_io.cpp",
        '  if (read_unsigned(own, "checksum") != schema_checksum(record))\n'
        '    throw corruption_error{"its axes, labels or storage do not have the checksum that they were written '
        'with"};\n',
    ),
    Mutant(
        "ledger without checksum",
        "the ledger has its checksum",
        "test_hdf5_store",
        STATE,
        "if (reader.checksum() != tail.checksum)",
        "if (reader.checksum() != tail.checksum && tail.bytes == 0)",
    ),
    Mutant(
        "counters without checksum",
        "counters have their checksum",
        "test_hdf5_store",
        STATE,
        "keys.size() != values.size() || read_unsigned(own, counters_checksum) != checksum_of(keys, values)",
        "keys.size() != values.size()",
    ),
    Mutant(
        "compressed chunks without checksum",
        "no chunk is returned without its checksum (zstd)",
        "test_codec",
        "src/codec/zstd_coder.cpp",
        "ZSTD_c_checksumFlag, 1)",
        "ZSTD_c_checksumFlag, 0)",
    ),
    # ---- locks
    Mutant(
        "no lock on the snapshot",
        "a reader locks the number of its snapshot",
        "test_file_locks",
        LOCKS,
        "  try_lock(first_snapshot + std::min(number, snapshots - 1), mode::shared);\n",
    ),
    Mutant(
        "readers pass the closed entrance",
        "nobody opens the file while commits are applied",
        "test_file_locks",
        LOCKS,
        "  if (!wait_for(entrance_byte, mode::shared, entrance_patience))\n",
        "  if (false)\n",
    ),
    Mutant(
        "applied under other programs",
        "nothing is applied while another program has the file open",
        "test_file_locks",
        LOCKS,
        "return try_lock_for_hdf5(mode::exclusive); }",
        "return try_lock_for_hdf5(mode::shared); }",
    ),
    Mutant(
        "applied while readers enter",
        "commits are applied with the entrance closed",
        "test_crash",
        LOCKS,
        "{ return wait_for(entrance_byte, mode::exclusive, patience); }",
        "{ return wait_for(entrance_byte, mode::none, patience); }",
    ),
    Mutant(
        "lost lock not noticed",
        "nothing is committed to a file that another program has taken for writing",
        "test_file_locks",
        LOCKS,
        "  if (is_lost_)\n",
        "  if (false)\n",
    ),
    Mutant(
        "second writer",
        "a file has one writer",
        "test_hdf5_store",
        LOCKS,
        "  if (!try_lock(writer_byte, mode::exclusive)) refuse_writing(name_);\n",
    ),
    # ---- memory
    Mutant(
        "chunks of a mark let go",
        "a chunk that a revert goes back to keeps its place",
        "test_store",
        STAGED,
        "    if (previous && !mark_.set) forget(*previous);\n",
        "    if (previous) forget(*previous);\n",
    ),
    Mutant(
        "ledger not rolled back",
        "ids go back with their merges",
        "test_store",
        STAGED,
        "  while (ledger_.pending() > 0) ledger_.undo();\n",
    ),
    Mutant(
        "ids committed twice",
        "ids of a commit are not in the next one",
        "test_store",
        STAGED,
        "  ledger_.settle();\n",
    ),
    Mutant(
        "rolled back over half a commit",
        "what a failed commit left is not taken for the last one",
        "test_failing_io",
        STAGED,
        "  if (!backend_->intact())\n",
        "  if (!writable())\n",
    ),
    Mutant(
        "overlap not seen",
        "entries that are in in part are found",
        "test_ledger",
        LEDGER,
        "  if (run != found->second.begin()) --run;\n",
    ),
    Mutant(
        "ids of a failed commit forgotten",
        "ids of a commit that failed are in the one that is made again",
        "test_failing_io",
        STAGED,
        "  backend_->apply(collect());\n",
        "  const auto changes = collect();\n  ledger_.settle();\n  backend_->apply(changes);\n",
    ),
]
