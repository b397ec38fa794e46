//! Paths of services within a network that do what they are asked without asking who it is.

/// Such paths, in lower case: of WebLogic, Jenkins, Confluence, Jira, Solr, Elasticsearch, Hystrix, Docker, JBoss, Jolokia,
/// Consul, etcd, Druid and PeopleSoft.
pub(super) const PATHS: [&str; 27] = [
    "/uddiexplorer/",
    "/descriptorbyname/",
    "/securityrealm/user/",
    "/plugins/servlet/oauth/users/icon-uri",
    "/plugins/servlet/gadgets/makerequest",
    "/plugins/servlet/linkprovider",
    "/rest/sharelinks/1.0/link",
    "/iconuriservlet",
    "/hystrix-dashboard/proxy.stream",
    "/proxy.stream?origin=",
    "/solr/admin/",
    "/dataimport?command=",
    "/_cluster/",
    "/_cat/indices",
    "/_cat/nodes",
    "/_nodes/",
    "/_shutdown",
    "/containers/json",
    "/containers/create",
    "/images/json",
    "/jmx-console/",
    "/jolokia/",
    "/v2/keys/",
    "/v1/agent/self",
    "/druid/indexer/",
    "/psigw/httplisteningconnector",
    "/consoleapp/console.portal",
];

/// Whether a value is such a path and nothing else.
pub(super) fn is_path(text: &[u8]) -> bool {
    let version = |text: &[u8]| {
        text.first() == Some(&b'v') && text.iter().skip(1).all(|byte| byte.is_ascii_digit() || *byte == b'.')
    };
    let text = text.get(..text.len().min(256)).unwrap_or_default();
    let Some((b'/', _)) = text.split_first() else { return false };
    // Docker has its version in front, Solr the name of a core.
    let second = text.iter().skip(1).position(|byte| *byte == b'/').map(|at| at + 1);
    let inner = second.and_then(|at| Some((text.get(1..at)?, text.get(at..)?)));
    let is = |text: &[u8]| {
        PATHS.iter().any(|path| {
            text.get(..path.len()).is_some_and(|start| start.eq_ignore_ascii_case(path.as_bytes()))
        })
    };
    is(text)
        || inner.is_some_and(|(folder, path)| version(folder) && is(path))
        || text.starts_with(b"/solr/") && memchr::memmem::find(text, b"/dataimport").is_some()
        || memchr::memmem::find(text, b"?redirect:http").is_some()
        || memchr::memmem::find(text, b"shards=http").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_services_by_their_paths() {
        for path in ["/_cluster/health", "/v1.24/containers/json", "/jolokia/version", "/solr/x/dataimport"] {
            assert!(is_path(path.as_bytes()), "{path}");
        }
        for other in ["/", "", "/cluster/health", "/a/b/c", "see /_cluster/health", "/api/images/json"] {
            assert!(!is_path(other.as_bytes()), "{other}");
        }
    }
}
