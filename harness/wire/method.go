package wire

import "fmt"

// Method names an AMQP method: class id<<16 | method id. Three values name no method but can stand
// where a method does: AnyMethod, Heartbeat and Now.
type Method uint32

// Values that are no methods.
const (
	AnyMethod Method = 0          // in a Match: every method frame, and nothing else
	Heartbeat Method = 8 << 16    // a heartbeat frame
	Now       Method = 0xffff0000 // in a Match: no frame; act at once on every matching connection
)

// The methods of AMQP 0-9-1 with RabbitMQ's extensions.
const (
	ConnectionStart          Method = 10<<16 | 10
	ConnectionStartOk        Method = 10<<16 | 11
	ConnectionSecure         Method = 10<<16 | 20
	ConnectionSecureOk       Method = 10<<16 | 21
	ConnectionTune           Method = 10<<16 | 30
	ConnectionTuneOk         Method = 10<<16 | 31
	ConnectionOpen           Method = 10<<16 | 40
	ConnectionOpenOk         Method = 10<<16 | 41
	ConnectionClose          Method = 10<<16 | 50
	ConnectionCloseOk        Method = 10<<16 | 51
	ConnectionBlocked        Method = 10<<16 | 60
	ConnectionUnblocked      Method = 10<<16 | 61
	ConnectionUpdateSecret   Method = 10<<16 | 70
	ConnectionUpdateSecretOk Method = 10<<16 | 71

	ChannelOpen    Method = 20<<16 | 10
	ChannelOpenOk  Method = 20<<16 | 11
	ChannelFlow    Method = 20<<16 | 20
	ChannelFlowOk  Method = 20<<16 | 21
	ChannelClose   Method = 20<<16 | 40
	ChannelCloseOk Method = 20<<16 | 41

	ExchangeDeclare   Method = 40<<16 | 10
	ExchangeDeclareOk Method = 40<<16 | 11
	ExchangeDelete    Method = 40<<16 | 20
	ExchangeDeleteOk  Method = 40<<16 | 21
	ExchangeBind      Method = 40<<16 | 30
	ExchangeBindOk    Method = 40<<16 | 31
	ExchangeUnbind    Method = 40<<16 | 40
	ExchangeUnbindOk  Method = 40<<16 | 51

	QueueDeclare   Method = 50<<16 | 10
	QueueDeclareOk Method = 50<<16 | 11
	QueueBind      Method = 50<<16 | 20
	QueueBindOk    Method = 50<<16 | 21
	QueuePurge     Method = 50<<16 | 30
	QueuePurgeOk   Method = 50<<16 | 31
	QueueDelete    Method = 50<<16 | 40
	QueueDeleteOk  Method = 50<<16 | 41
	QueueUnbind    Method = 50<<16 | 50
	QueueUnbindOk  Method = 50<<16 | 51

	BasicQos          Method = 60<<16 | 10
	BasicQosOk        Method = 60<<16 | 11
	BasicConsume      Method = 60<<16 | 20
	BasicConsumeOk    Method = 60<<16 | 21
	BasicCancel       Method = 60<<16 | 30
	BasicCancelOk     Method = 60<<16 | 31
	BasicPublish      Method = 60<<16 | 40
	BasicReturn       Method = 60<<16 | 50
	BasicDeliver      Method = 60<<16 | 60
	BasicGet          Method = 60<<16 | 70
	BasicGetOk        Method = 60<<16 | 71
	BasicGetEmpty     Method = 60<<16 | 72
	BasicAck          Method = 60<<16 | 80
	BasicReject       Method = 60<<16 | 90
	BasicRecoverAsync Method = 60<<16 | 100
	BasicRecover      Method = 60<<16 | 110
	BasicRecoverOk    Method = 60<<16 | 111
	BasicNack         Method = 60<<16 | 120

	ConfirmSelect   Method = 85<<16 | 10
	ConfirmSelectOk Method = 85<<16 | 11

	TxSelect     Method = 90<<16 | 10
	TxSelectOk   Method = 90<<16 | 11
	TxCommit     Method = 90<<16 | 20
	TxCommitOk   Method = 90<<16 | 21
	TxRollback   Method = 90<<16 | 30
	TxRollbackOk Method = 90<<16 | 31
)

// String gives the name of the specification, "basic.ack"; "method 60.99" for one it does not know.
func (m Method) String() string {
	for _, n := range methodNames {
		if n.method == m {
			return n.name
		}
	}
	return fmt.Sprintf("method %d.%d", m>>16, m&0xffff)
}

// ParseMethod gives the method of a name such as "basic.ack"; "heartbeat", "now" and "any" are known too.
func ParseMethod(name string) (Method, error) {
	for _, n := range methodNames {
		if n.name == name {
			return n.method, nil
		}
	}
	return 0, fmt.Errorf("no AMQP method is named %q; names look like basic.ack", name)
}

// content tells whether a header frame and body frames follow the method's frame.
func (m Method) content() bool {
	return m == BasicPublish || m == BasicDeliver || m == BasicReturn || m == BasicGetOk
}

var methodNames = [...]struct {
	method Method
	name   string
}{
	{BasicAck, "basic.ack"}, {BasicDeliver, "basic.deliver"}, {BasicPublish, "basic.publish"},
	{BasicReject, "basic.reject"}, {BasicNack, "basic.nack"},
	{AnyMethod, "any"}, {Heartbeat, "heartbeat"}, {Now, "now"},
	{ConnectionStart, "connection.start"}, {ConnectionStartOk, "connection.start-ok"},
	{ConnectionSecure, "connection.secure"}, {ConnectionSecureOk, "connection.secure-ok"},
	{ConnectionTune, "connection.tune"}, {ConnectionTuneOk, "connection.tune-ok"},
	{ConnectionOpen, "connection.open"}, {ConnectionOpenOk, "connection.open-ok"},
	{ConnectionClose, "connection.close"}, {ConnectionCloseOk, "connection.close-ok"},
	{ConnectionBlocked, "connection.blocked"}, {ConnectionUnblocked, "connection.unblocked"},
	{ConnectionUpdateSecret, "connection.update-secret"}, {ConnectionUpdateSecretOk, "connection.update-secret-ok"},
	{ChannelOpen, "channel.open"}, {ChannelOpenOk, "channel.open-ok"},
	{ChannelFlow, "channel.flow"}, {ChannelFlowOk, "channel.flow-ok"},
	{ChannelClose, "channel.close"}, {ChannelCloseOk, "channel.close-ok"},
	{ExchangeDeclare, "exchange.declare"}, {ExchangeDeclareOk, "exchange.declare-ok"},
	{ExchangeDelete, "exchange.delete"}, {ExchangeDeleteOk, "exchange.delete-ok"},
	{ExchangeBind, "exchange.bind"}, {ExchangeBindOk, "exchange.bind-ok"},
	{ExchangeUnbind, "exchange.unbind"}, {ExchangeUnbindOk, "exchange.unbind-ok"},
	{QueueDeclare, "queue.declare"}, {QueueDeclareOk, "queue.declare-ok"},
	{QueueBind, "queue.bind"}, {QueueBindOk, "queue.bind-ok"},
	{QueuePurge, "queue.purge"}, {QueuePurgeOk, "queue.purge-ok"},
	{QueueDelete, "queue.delete"}, {QueueDeleteOk, "queue.delete-ok"},
	{QueueUnbind, "queue.unbind"}, {QueueUnbindOk, "queue.unbind-ok"},
	{BasicQos, "basic.qos"}, {BasicQosOk, "basic.qos-ok"},
	{BasicConsume, "basic.consume"}, {BasicConsumeOk, "basic.consume-ok"},
	{BasicCancel, "basic.cancel"}, {BasicCancelOk, "basic.cancel-ok"},
	{BasicReturn, "basic.return"},
	{BasicGet, "basic.get"}, {BasicGetOk, "basic.get-ok"}, {BasicGetEmpty, "basic.get-empty"},
	{BasicRecoverAsync, "basic.recover-async"}, {BasicRecover, "basic.recover"}, {BasicRecoverOk, "basic.recover-ok"},
	{ConfirmSelect, "confirm.select"}, {ConfirmSelectOk, "confirm.select-ok"},
	{TxSelect, "tx.select"}, {TxSelectOk, "tx.select-ok"}, {TxCommit, "tx.commit"}, {TxCommitOk, "tx.commit-ok"},
	{TxRollback, "tx.rollback"}, {TxRollbackOk, "tx.rollback-ok"},
}
