//! What the words of SQL mean to the reader: the union of MySQL, PostgreSQL, SQL Server, Oracle, Db2 and SQLite.

/// What a word does in a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Joins two conditions: `and`, `or`, `xor`.
    Conjunction,
    /// Begins a condition: `having`.
    Having,
    /// Begins a condition: `where`.
    Where,
    /// Compares: `like`, `rlike`, `in`, `between`, `is`, ...
    Compare,
    /// Calculates: `div`, `mod`, `collate`.
    Operator,
    /// Stands before an operand and changes nothing here: `not`, `binary`, `all`, `exists`, ...
    Prefix,
    /// `null`, `true`, `false`.
    Constant,
    /// `union`, `except`, `intersect`.
    Union,
    /// `all`, `distinct`.
    Quantifier,
    Select,
    From,
    /// `order`, `group`.
    Sort,
    By,
    /// `limit`, `offset`, `fetch`.
    Limit,
    Into,
    /// `outfile`, `dumpfile`.
    File,
    As,
    Case,
    When,
    /// `then`, `else`, `end`.
    Then,
    If,
    Set,
    /// `table`, `database`, `user` and others that `create`, `alter` and `drop` are said of.
    Object,
    /// `create`, `alter`, `drop`, `truncate`.
    Define,
    Insert,
    Update,
    Delete,
    /// `exec`, `execute`.
    Execute,
    Declare,
    Waitfor,
    /// `delay`.
    Delay,
    /// `shutdown`.
    Shutdown,
    Begin,
    /// `call`, `do`, `handler`, `prepare`.
    Call,
    /// `grant`, `revoke`, `merge`, `replace`, `show`, `use`, ...
    OtherVerb,
    /// `with`, `explain`, `describe`, `analyze`.
    Preface,
    Procedure,
    /// A function that waits and does nothing else in SQL: `pg_sleep`, `benchmark`, `dbms_pipe`.
    Wait,
    /// `sleep`, which other languages have as well.
    Sleep,
    /// A function whose error message shows its argument: `extractvalue`, `updatexml`, `utl_inaddr`.
    Leak,
    /// A function that tells something about the server: `version`, `user`, `database`.
    Info,
    /// A function on strings that attacks build and take apart values with: `char`, `concat`, `substring`.
    Text,
    /// Reads files or runs commands: `load_file`, `xp_cmdshell`.
    Reach,
    /// Where a server describes itself: `information_schema`, `sysobjects`, `sqlite_master`.
    Catalogue,
    /// A shape that MySQL fails to build from text, telling the text; people write shapes in the same way.
    Shape,
    /// `asc`, `desc`.
    Direction,
    /// `boolean`, `mode`: of a search in a full-text index.
    Mode,
    /// A database that a server keeps for itself: `mysql`, `master`.
    System,
    /// `program`: what `COPY` runs in PostgreSQL.
    Program,
    /// Another function or word with meaning in SQL.
    Other,
}

impl Word {
    /// Looks up a word by its [`hash`].
    pub(super) fn of(hash: u32) -> Option<Self> {
        let mut slot = hash as usize & MASK;
        loop {
            let (known, word) = TABLE[slot & MASK];
            if known == hash {
                return Some(word);
            }
            if known == 0 {
                return None;
            }
            slot += 1;
        }
    }

    /// Whether a statement begins with it.
    pub(super) const fn is_verb(self) -> bool {
        matches!(
            self,
            Self::Select
                | Self::Insert
                | Self::Update
                | Self::Delete
                | Self::Define
                | Self::Execute
                | Self::Declare
                | Self::Begin
                | Self::OtherVerb
                | Self::Preface
                | Self::Set
        )
    }

    /// Whether something is done by what it begins behind a `;`.
    pub(super) const fn begins_statement(self) -> bool {
        self.is_verb() || matches!(self, Self::Waitfor | Self::Shutdown | Self::Call | Self::If)
    }
}

/// Hash of the empty word.
pub(super) const EMPTY: u32 = 0x811c_9dc5;

/// Adds a byte to a word's hash (FNV-1a of the lower case).
pub(super) const fn hash(so_far: u32, byte: u8) -> u32 {
    hash_lower(so_far, byte.to_ascii_lowercase())
}

/// The same for a byte that is no capital letter.
pub(super) const fn hash_lower(so_far: u32, byte: u8) -> u32 {
    (so_far ^ byte as u32).wrapping_mul(0x0100_0193)
}

const MASK: usize = 1023;

static TABLE: [(u32, Word); MASK + 1] = {
    let mut table = [(0, Word::Other); MASK + 1];
    let mut group = 0;
    while group < WORDS.len() {
        let (words, meaning) = WORDS[group];
        let bytes = words.as_bytes();
        let mut at = 0;
        let mut word = EMPTY;
        while at <= bytes.len() {
            if at == bytes.len() || bytes[at] == b' ' {
                let mut slot = word as usize & MASK;
                while table[slot].0 != 0 {
                    assert!(table[slot].0 != word, "two words are one");
                    slot = (slot + 1) & MASK;
                }
                table[slot] = (word, meaning);
                word = EMPTY;
            } else {
                word = hash(word, bytes[at]);
            }
            at += 1;
        }
        group += 1;
    }
    table
};

const WORDS: [(&str, Word); 52] = [
    ("and or xor", Word::Conjunction),
    ("having", Word::Having),
    ("where", Word::Where),
    (
        "like rlike regexp ilike glob similar between sounds in is match contains isnull notnull",
        Word::Compare,
    ),
    ("div mod collate", Word::Operator),
    ("not binary exists some any row _latin1 _utf8 _utf8mb4 _binary prior unique", Word::Prefix),
    ("null true false unknown", Word::Constant),
    ("union except intersect minus", Word::Union),
    ("all distinct distinctrow", Word::Quantifier),
    ("select", Word::Select),
    ("from", Word::From),
    ("order group", Word::Sort),
    ("by", Word::By),
    ("limit offset fetch", Word::Limit),
    ("into", Word::Into),
    ("outfile dumpfile", Word::File),
    ("as", Word::As),
    ("case", Word::Case),
    ("when", Word::When),
    ("then else end", Word::Then),
    ("if", Word::If),
    ("set", Word::Set),
    (
        "table database user view index function schema trigger login role sequence column columns tables databases \
         extension temporary temp assembly variables grants",
        Word::Object,
    ),
    ("create alter drop truncate rename", Word::Define),
    ("insert", Word::Insert),
    ("update", Word::Update),
    ("delete", Word::Delete),
    ("exec execute", Word::Execute),
    ("declare", Word::Declare),
    ("waitfor", Word::Waitfor),
    ("delay", Word::Delay),
    ("shutdown", Word::Shutdown),
    ("begin", Word::Begin),
    ("call do handler prepare", Word::Call),
    (
        "grant revoke merge replace show use copy attach pragma vacuum lock unlock load backup restore dbcc \
         openrowset opendatasource commit rollback deallocate kill bulk",
        Word::OtherVerb,
    ),
    ("with explain describe analyze", Word::Preface),
    ("asc desc", Word::Direction),
    ("boolean mode", Word::Mode),
    ("mysql master msdb", Word::System),
    ("program", Word::Program),
    ("procedure", Word::Procedure),
    (
        "benchmark pg_sleep pg_sleep_for pg_sleep_until dbms_pipe dbms_lock dbms_session user_lock randomblob \
         regexp_substring wait_for_executed_gtid_set master_pos_wait generate_series",
        Word::Wait,
    ),
    ("sleep get_lock", Word::Sleep),
    (
        "extractvalue updatexml utl_inaddr utl_http utl_tcp ctxsys dbms_utility dbms_xmlgen dbms_ldap httpuritype \
         xmltype gtid_subset gtid_subtract json_keys st_latfromgeohash st_longfromgeohash st_pointfromgeohash name_const ordsys dbms_xslprocessor \
         query_to_xml database_to_xml xmlparse lo_import lo_export dbms_scheduler dbms_java dbms_export_extension",
        Word::Leak,
    ),
    ("geometrycollection multipoint multipolygon multilinestring linestring", Word::Shape),
    (
        "version current_user system_user session_user user_name db_name suser_name suser_sname is_srvrolemember \
         current_database current_schema sqlite_version host_name is_member has_dbaccess connection_id \
         last_insert_id serverproperty object_id col_name banner version_compile_os version_compile_machine datadir basedir hostname \
         servername microsoftversion secure_file_priv plugin_dir inet_server_addr inet_server_port inet_client_addr \
         pg_backend_pid pg_postmaster_start_time current_setting getpgusername current_catalog sqlite_compileoption_get has_table_privilege",
        Word::Info,
    ),
    (
        "iif char chr nchar concat concat_ws group_concat ascii ord substr substring substring_index mid hex unhex length \
         char_length left right lower upper lcase ucase md5 sha1 cast convert elt make_set ifnull nullif nvl coalesce \
         count rand floor exp instr locate position strcmp reverse repeat aes_decrypt aes_encrypt compress json_length \
         json_extract json_object json_depth json_array xmlagg xmlelement listagg string_agg array_agg unicode quote \
         to_char rawtohex crypt_key randomblob_ zeroblob likelihood likely bin load_extension array_to_string \
         row_to_json json_agg export_set field insert_ len datalength stuff decode json_storage_size json_valid \
         json_arrayagg interval_ lpad rpad trim ltrim rtrim format sysdate now pi sin cos tan abs \
         st_geomfromtext polygon bit_length octet_length soundex space str to_base64 from_base64 std stddev",
        Word::Text,
    ),
    (
        "load_file xp_cmdshell xp_dirtree xp_fileexist xp_regread xp_regwrite xp_subdirs sp_oacreate sp_oamethod \
         sp_executesql sp_addextendedproc sp_makewebtask sp_configure sp_addlogin sp_addsrvrolemember sp_password \
         xp_availablemedia xp_servicecontrol xp_enumgroups xp_loginconfig xp_makecab xp_ntsec_enumdomains \
         xp_terminate_process xp_regdeletekey xp_regenumvalues openquery pg_ls_dir sys_eval sys_exec sys_get \
         pg_read_file pg_read_binary_file pg_stat_file lo_get writefile readfile sp_oadestroy sp_addrolemember sp_dropserver \
         sp_grantlogin sp_droplogin sp_start_job sp_add_job sp_replwritetovarbin xp_instance_regread \
         dbms_xmlquery dblink dblink_connect dblink_send_query",
        Word::Reach,
    ),
    (
        "information_schema sysobjects syscolumns sysusers syslogins sysdatabases systables sqlite_master \
         sqlite_schema pg_catalog pg_shadow pg_user pg_database pg_tables all_tables all_tab_columns all_users \
         user_tables user_tab_columns user_users user_objects user_catalog v$version v$session v$instance v$database \
         rdb$database rdb$fields rdb$types rdb$collations rdb$functions rdb$relations sysibm msysobjects \
         table_schema table_name table_names column_name column_names schema_name group_concat_ dba_users dba_tables sys_context \
         all_constraints pg_class pg_stat_user_tables msysaccessobjects innodb_table_stats syscat sysmaster sysxlogins \
         sql_logins server_principals database_principals sysprocesses sysservers sysaltfiles sysconfigures pg_roles \
         pg_authid pg_group pg_namespace pg_proc pg_settings pg_language pg_stat_activity pg_attribute pg_largeobject \
         v$parameter v$log v$logfile v$datafile v$pwfile_users v$sql v$process v$option dba_role_privs dba_sys_privs \
         dba_objects dba_tab_columns dba_data_files dba_tablespaces dba_roles dba_tab_privs user_role_privs \
         user_sys_privs user_tab_privs user_db_links session_privs session_roles role_tab_privs role_sys_privs \
         all_objects all_tab_privs all_db_links all_views all_catalog all_source all_col_comments all_cons_columns \
         global_name sqlite_sequence sqlite_temp_master sysibmadm sqlj rdb$relation_fields rdb$users mon$attachments",
        Word::Catalogue,
    ),
    ("dual values", Word::Other),
    ("analyse", Word::Other),
    ("delayed ignore", Word::Other),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(word: &str) -> Option<Word> {
        Word::of(word.bytes().fold(EMPTY, hash))
    }

    #[test]
    fn words_are_known_in_any_case() {
        assert_eq!(of("select"), Some(Word::Select));
        assert_eq!(of("SeLeCt"), Some(Word::Select));
        assert_eq!(of("Xp_CmdShell"), Some(Word::Reach));
        assert_eq!(of("selects"), None);
        assert_eq!(of(""), None);
    }
}
